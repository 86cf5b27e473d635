"""A rules file that is read user by user says the same as when it is read as a whole."""

import random
import re
import time
from collections.abc import Callable

import pytest

from nightjar.domain.names import Camera
from nightjar.domain.rules import Rules
from nightjar.runtime.lined_yaml import read_yaml
from nightjar.runtime.plain_yaml import NotPlainError, PlainReader
from nightjar.runtime.rules import CheckedRules, check_rules, checked_rules
from nightjar.runtime.rules_split import SplitRules
from nightjar.runtime.rules_users import LazyUsers
from tests.images.base.nightjar.domain.test_camera_rules import FULL
from tests.scenes import RULES

WHOLE = 1 << 40  # no file is as large: it is read as a whole
HEAD = RULES[: RULES.index("users:")]
LABELS, CHANNELS = ["person", "dog"], ["oncall"]


def both(text: str) -> tuple[CheckedRules, CheckedRules]:
    data = text.encode()
    return check_rules(data, LABELS, CHANNELS, large=-1), check_rules(data, LABELS, CHANNELS, large=WHOLE)


def content(rules: Rules | None) -> object:
    return rules and {**dict(rules), "users": dict(rules.users)}


def assert_same(text: str) -> CheckedRules:
    by_user, whole = both(text)
    assert content(by_user.rules) == content(whole.rules)
    assert by_user.problems == whole.problems
    assert by_user.unseen == whole.unseen
    assert by_user.warnings == whole.warnings
    if by_user.rules and whole.rules:
        assert by_user.rules.cameras == whole.rules.cameras
        assert by_user.rules.camera_count == len(whole.rules.cameras)
    return by_user


SCALARS = ["a@b.c", "UTC", "Europe/Berlin", "home", "front door", "'a b'", '"x: y"', "7", "0300", "0.5", "80%", "yes",
           "~", "null", "", "2026-11-20T08:00:00Z", "12:30", "a#b", "a # b", "é", "-x",
           "*x", "&x", "!x", "[", "a: b"]  # fmt: skip
KEYS = ["email", "timezone", "rules", "devices", "site", "no", "x-y", "12", "channels", "recipients"]


def value(rng: random.Random, depth: int) -> str:
    kind = rng.choice(["scalar", "scalar", "list", "mapping"]) if depth < 3 else "scalar"
    if kind == "scalar":
        return rng.choice(SCALARS)
    items = [value(rng, depth + 1) for _ in range(rng.randrange(3))]
    if kind == "list":
        return f"[{', '.join(items)}]"
    return "{" + ", ".join(f"{rng.choice(KEYS)}: {item}" for item in items) + "}"


def lines_of(rng: random.Random, indent: int, depth: int) -> list[str]:
    made: list[str] = []
    for _ in range(rng.randrange(1, 4)):
        key, spaces = rng.choice(KEYS), " " * indent
        if depth < 3 and rng.random() < 0.3:
            made += [f"{spaces}{key}:", *lines_of(rng, indent + rng.choice([1, 2, 4]), depth + 1)]
        else:
            made.append(f"{spaces}{key}: {value(rng, 1)}{rng.choice(['', '', ' ', '  # why', '#'])}")
        if rng.random() < 0.1:
            made.append(rng.choice(["", "# a comment", "      # deep", "   "]))
    return made


@pytest.mark.parametrize("seed", range(40))
def test_entries_that_are_read_quickly_have_the_value_that_yaml_gives_them(seed: int) -> None:
    """Most of them are no rules; the point is that a reader of plain YAML never reads anything otherwise."""
    rng, reader = random.Random(seed), PlainReader()
    read = 0
    for _ in range(300):
        text = "\n".join(["  alice:", *lines_of(rng, rng.choice([3, 4]), 0), ""])
        try:
            name, quick = reader.entry(text)
        except NotPlainError:
            continue
        read += 1
        document = read_yaml(f"users:\n{text}".encode())
        assert document.problems == [], text
        assert document.value == {"users": {name: quick}}, text
    assert read > 10


def some_user(rng: random.Random, n: int) -> str:
    """A user as people write them: most are fine, some are not, some are written in unusual ways."""
    email, zone = f"u{n}@b.c", rng.choice(["UTC", "Europe/Berlin"])
    forms: list[Callable[[], str]] = [
        lambda: (
            f"  u{n}: {{email: {email}, timezone: {zone}, rules: [100], devices: {{porch: , yard: {{rules: []}}}}}}\n"
        ),
        lambda: f"  u{n}:\n    email: {email}\n    timezone: {zone}\n    devices:\n      porch: {{site: home}}\n",
        lambda: (
            f"  u{n}:   # a comment\n    email: {email}\n\n    timezone: {zone}\n    rules:\n    - 100\n    - 200\n"
        ),
        lambda: f'  "u{n}":\n    email: "{email}"\n    timezone: {zone}\n    channels: {{info: [oncal]}}\n',
        lambda: f"  u{n}:\n    email: >-\n      {email}\n    timezone: {zone}\n# at the edge\n",
        lambda: f"  u{n}:\n    email: {email}\n    timezone: {zone}\n    site: a text\n      that goes on\n",
    ]
    wrong: list[Callable[[], str]] = [
        lambda: f"  u{n}:\n    email: {email}\n    timezone: Berlin\n",
        lambda: f"  u{n}:\n    email: {email}\n    timezone: {zone}\n    rules: [7, shp]\n",
        lambda: f"  u{n}:\n    e-mail: {email}\n    timezone: {zone}\n",
        lambda: f"  u-{n}:\n    email: {email}\n    timezone: {zone}\n    rules: [0100]\n",
        lambda: f"  u{n}:\n    email: {email}\n    email: {email}\n    timezone: {zone}\n",
        lambda: f"  u{n}: 7\n",
        lambda: f"  u{n}:\n",
        lambda: f"  u{n}: {{email: {email}, timezone: {zone}, devices: {{a: {{areas: {{x: [[0, 0]]}}}}}}}}\n",
    ]
    return rng.choice(wrong if rng.random() < 0.1 else forms)()


@pytest.mark.parametrize("seed", range(30))
def test_files_of_many_users(seed: int) -> None:
    rng = random.Random(seed)
    users = "".join(some_user(rng, n) for n in range(rng.choice([1, 3, 40])))
    behind = rng.choice(["", "event_gap_seconds: 30\n", "groups: {shp: [100, 9]}\n\n# the end"])
    head = HEAD.replace("event_gap_seconds: 60\n", "") if behind.startswith("event") else HEAD
    text = f"{head}users:\n{users}{behind}"
    if rng.random() < 0.2:
        text = text.replace("\n", "\r\n")
    assert_same(text.removesuffix("\n") if rng.random() < 0.3 else text)


@pytest.mark.parametrize(
    "text", [RULES, FULL, FULL.replace("    rules: [shop]", "    rules: [shop, 200]")], ids=range(3)
)
def test_files_of_few_users_with_every_key(text: str) -> None:
    assert assert_same(text).rules or "200" in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "users:",
        "users:\n",
        "users: {}\n",
        "users: {a: {email: a@b.c, timezone: UTC}}\n",
        f"{HEAD}users:\n  a: &x {{email: a@b.c, timezone: UTC}}\n  b: *x\n",
        f"{HEAD}users:\n  a: !x {{email: a@b.c, timezone: UTC}}\n",
        f"{HEAD}users:\n- a\n- b\n",
        f"{HEAD}users:\n  - a\n  - b\n",
        f"{HEAD}users:\n    a: {{email: a@b.c, timezone: UTC}}\n  b: {{email: a@b.c, timezone: UTC}}\n",
        f"{HEAD}users:\n  a: {{email: a@b.c,\n  timezone: UTC}}\n  b: {{email: a@b.c, timezone: UTC}}\n",
        f'{HEAD}users:\n  a: {{email: a@b.c, timezone: UTC, site: "x\n  b: y"}}\n',
        f"{HEAD}users:\n\ta: 1\n",
        f"{HEAD}users:\n  a:\n    email: a@b.c\n\ttimezone: UTC\n",
        f"{HEAD}users:\n  a: {{email: a@b.c, timezone: UTC}}\n...\n",
        f"{HEAD}users:\n  a: {{email: a@b.c, timezone: UTC}}\n---\nx: 1\n",
        f"{HEAD}users:\n  a: {{email: a@b.c, timezone: UTC}}\nusers:\n  b: {{email: a@b.c, timezone: UTC}}\n",
        f"{HEAD}users:\n  a: {{email: a@b.c, timezone: UTC}}\n  a: {{email: b@b.c, timezone: UTC}}\n",
        f"{HEAD}users:\n  ? a\n  : {{email: a@b.c, timezone: UTC}}\n",
        f"{HEAD}users:\n  a: {{email: a@b.c, timezone: UTC}}\n  : x\n",
        f"{HEAD}users:\n  a: {{email: a@b.c, timezone: UTC, site: x\u2028}}\n",
        f"{HEAD}users:\n  a: {{email: a@b.c, timezone: UTC, site: x\x07}}\n",
        '1: "\nusers:\n  a: b\n"\n',
        "rules: {1: {unsafe: [x]}}\nusers:\n  a: {email: a@b.c, timezone: UTC, rules: [1]}\n",
        "rules: [1]\nusers:\n  a: {email: a@b.c, timezone: UTC, rules: [1]}\n",
        "x: [\nusers:\n  a: {email: a@b.c, timezone: UTC, rules: [1]}\n",
        "\ufeffusers:\n  a: {email: a@b.c, timezone: UTC}\n",
        "users:   # all of them\n\n  # the first\n\n  a: {email: a@b.c, timezone: UTC}\n\n\n",
        "users:\n  1: {email: a@b.c, timezone: UTC}\n  no: {email: a@b.c, timezone: UTC}\n  0x1: ",
    ],
)
def test_files_that_are_written_otherwise(text: str) -> None:
    assert_same(text)


def test_a_user_is_read_when_it_is_asked_for() -> None:
    users = "".join(
        f"  u{n}:\n    email: u{n}@b.c\n    timezone: UTC\n    devices: {{a: , b: }}\n" for n in range(9_000)
    )
    text = f"{HEAD}users:\n{users}".encode()
    checked = check_rules(text)
    for rules in (checked.rules, checked_rules(text)):
        assert rules is not None and isinstance(rules.users, LazyUsers)
        assert (len(rules.users), rules.camera_count, len(rules.cameras)) == (9_000, 18_000, 18_000)
        one = rules.device(Camera("u77", "b"))
        assert one is not None and one.email == "u77@b.c"
        assert rules.device(Camera("u77", "c")) is None
        assert rules.device(Camera("nobody", "a")) is None


def test_a_mistake_in_a_file_that_is_too_large_to_be_read_as_a_whole_has_its_line() -> None:
    user = "  u{n}:\n    email: u{n}@example.com\n    timezone: UTC\n    site: a site with a name that fills the line\n"
    users = "".join(user.format(n=n) for n in range(50_000))
    text = f"{HEAD}users:\n{users}".replace("email: u44444@", "email: [u44444@").replace("u49000@example.com", "x")
    assert len(text) > 4 << 20
    checked = check_rules(text.encode())
    assert checked.rules is None
    lines = [n for n, line in enumerate(text.splitlines(), 1) if "[u44444@" in line or line.endswith(" x")]
    assert len(checked.problems) == 2
    first, second = checked.problems
    assert "not YAML" in first.message and lines[0] <= first.line <= lines[0] + 3
    assert (second.line, second.message) == (lines[1], "users.u49000.email: expected an e-mail address, got 'x'")


def test_a_file_with_no_end_of_mistakes_is_not_read_to_its_end() -> None:
    users = "".join(f"  u{n}: {{email: x, timezone: Berlin}}\n" for n in range(20_000))
    checked = check_rules(f"{HEAD}users:\n{users}".encode())
    assert len(checked.problems) < 1_010
    assert re.match("line [0-9]+: more than 1,000 problems: the users from here", str(checked.problems[-1]))


def test_areas_and_channels_of_many_users_are_looked_at_quickly() -> None:
    head = HEAD.replace(
        "unsafe: [person], min_probability: 0.5", "unsafe: [person], min_probability: 0.5, areas: [yard]"
    )
    user = "  u{n}:\n    email: u{n}@b.c\n    timezone: UTC\n    rules: [300]\n    channels: {{info: [{channel}]}}\n"
    devices = "    devices:\n      a: {{areas: {{{area}: [[0, 0], [1, 0], [0, 1]]}}}}\n      b: {{rules: [100]}}\n"
    channels, areas = ("oncal", "email"), ("yard", "yad")
    users = "".join((user + devices).format(n=n, channel=channels[n != 7], area=areas[n == 9]) for n in range(9_000))
    began = time.thread_time()
    checked = check_rules(f"{head}users:\n{users}".encode(), LABELS, CHANNELS)
    assert time.thread_time() - began < 4
    [warning] = checked.warnings
    assert "users.u7.channels.info.0: no channel that this deployment has" in warning.message
    [problem] = checked.problems
    assert "users.u9.rules.0: rule 300 is about the area 'yard'" in problem.message


def test_the_parts_of_a_text_make_the_text() -> None:
    split = SplitRules.of(f"{FULL}# behind\nevent_gap_seconds: 9\n".encode())
    assert split is not None
    entries = [entry for _, entry in split.entries()]
    assert [entry.text.split(":")[0].strip() for entry in entries] == ["alice", "bob"]
    assert split.before + "users:\n" + "".join(e.text for e in entries) + split.after == split.text
    for entry in entries:
        assert split.text.splitlines()[entry.line - 1] == entry.text.splitlines()[0]
