"""Reading the rules: every problem with its line."""

import re
import time

import pytest

from nightjar.runtime.rules import RulesError, parse_rules
from tests.scenes import RULES

RULES_LINES = RULES.splitlines()


def problems(text: str | bytes) -> list[str]:
    with pytest.raises(RulesError) as caught:
        parse_rules(text.encode() if isinstance(text, str) else text)
    return [str(problem) for problem in caught.value.problems]


def line_of(part: str) -> int:
    return next(n for n, line in enumerate(RULES_LINES, 1) if part in line)


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        ("version: 1", "version: 2", "version: 1", "version: Input should be 1, got '?2"),
        ("version: 1", "x: 1\nversion: 1", "version: 1", "x: unknown key"),
        ("event_gap_seconds: 60", "event_gap_seconds: -1", "event_gap", "greater than or equal to 0, got -1"),
        ("version: 1", "version: true", "version: 1", "version: expected a number, got true"),
        ("event_gap_seconds: 60", "event_gap_seconds: yes", "event_gap", "event_gap_seconds: .* number, got true"),
        ("min_probability: 0.8", "min_probability: yes", "100:", "min_probability: expected a number, got true"),
        ("min_probability: 0.8", "min_probability: no", "100:", "min_probability: expected a number, got false"),
        ("    rules: [300]\n    devices:\n", "    rules: [yes]\n    devices:\n", "rules: [300]", "number, got true"),
        ("min_probability: 0.8", "min_probability: 1.2", "100:", "rules.100.min_probability: .* got 1.2"),
        ("min_probability: 0.8", "min_probability: 0.8, min: 1", "100:", "rules.100.min: unknown key"),
        ("unsafe: [dog, cat, bird]", "unsafe: []", "100:", "rules.100.unsafe"),
        ("[dog, cat, bird]", "[dog, dog]", "100:", "expected each only once, got twice: dog"),
        ("[dog, cat, bird]", "dog", "100:", "rules.100.unsafe"),
        ("name: animals", 'name: "a\\nb"', "100:", "printable characters"),
        ("22:00-06:00", "22:00", "200:", "hours: expected hours like \"22:00-06:00\", got '22:00'"),
        ('"22:00-06:00"', "22:00", "200:", "in quotes, got 1320"),
        ("100: {", "0100: {", "100:", "expected a whole number, got '0100'"),
        ("100: {", "-5: {", "100:", "expected a whole number"),
        ("name: animals,", "name: animals, name: x,", "100:", "rules.100.name: given twice, first in line 4"),
        ("Europe/Berlin", "Europe/Berlinx", "Europe", "expected an IANA time zone like Europe/Berlin"),
        ("Europe/Berlin", "../../etc/passwd", "Europe", "expected an IANA time zone"),
        ("Europe/Berlin", "Europe", "Europe", "expected an IANA time zone"),
        ("alice@example.com", "alice", "alice@", "expected an e-mail address, got 'alice'"),
        ("alice@example.com", '"a@b.c\\r\\nBcc: x@y.z"', "alice@", "expected an e-mail address"),
        ("    rules: [300]\n    devices:\n", "    rules: [300, 7]\n    devices:\n", "rules: [300]", "got 7"),
        (
            "rules: [100, 300]",
            "rules: [100, 7]",
            "porch",
            "users.alice.devices.porch.rules.1: expected the id of a rule",
        ),
        ("porch:", "por-ch:", "porch", "expected a name of 1 to 64 of A-Z a-z 0-9 _, got 'por-ch'"),
        ("porch:", '"{{ x }}":', "porch", "expected a name"),
        ("  alice:", "  al ice:", "  alice:", "expected a name"),
        ("yard:", "porch:", "yard", "users.alice.devices.porch: given twice, first in line 13"),
        ("allow_grey: true", "allow_gray: true", "yard", "unknown key"),
        ("allow_grey: true", "allow_grey: maybe", "yard", "allow_grey"),
        ("    email: bob@example.com\n", "", "  bob:", "users.bob.email: missing key"),
    ],
)
def test_a_problem_names_its_line(old: str, new: str, where: str, message: str) -> None:
    assert old in RULES
    [problem] = problems(RULES.replace(old, new, 1))
    assert problem.startswith(f"line {line_of(where)}: "), problem
    assert re.search(message, problem), problem


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected a mapping, got an empty file"),
        ("# nothing\n\n", "expected a mapping, got an empty file"),
        ("- 1", "line 1: expected a mapping"),
        ("a: [", "line 2: not YAML"),
        ("a: 1\n\tb: 2", "line 2: not YAML"),
        ("a: 1\n---\nb: 2", "line 2: expected one YAML document"),
        (b"a: 1\nb: \xff", "line 2: not UTF-8"),
        ("a: 1\nb: \x01", "line 2: not YAML: control characters"),
        ("a: &x 1\nb: *x", "line 1: expected no anchors"),
        ("a: 1\nb: *x", "line 2: expected no anchors"),
        ("a: !!python/object/apply:os.system [x]", "line 1: expected no tags, got 'tag:yaml.org,2002:python/object"),
        ("a: !!python/name:os.system ''", "line 1: expected no tags"),
        ("a: 1\n!!python/name:os.system b: 1", "line 2: expected no tags"),
        ("a: !!set {x}", "line 1: expected no tags"),
        ("a: !mine [x]", "line 1: expected no tags, got '!mine'"),
        ("a: [!!str x]", "line 1: expected no tags"),
        ("!!map\na: 1", "line 1: expected no tags"),
        ("? [a]\n: 1\n", "line 1: expected plain text as a key"),
        ("[" * 100_000, "line 1: expected at most 16 levels"),
        ("a: [" + "1," * 300_000, "expected at most 300000 keys and values"),
        (b"a" * (5 << 20), "expected at most 4194304 bytes"),
    ],
)
def test_what_is_not_yaml_or_not_plain(text: str | bytes, message: str) -> None:
    began = time.monotonic()
    assert any(re.search(message, problem) for problem in problems(text))
    assert time.monotonic() - began < 10


def test_all_problems_are_told_in_order_and_the_sentence_is_bounded() -> None:
    text = RULES.replace("0.8", "8").replace("Europe/Berlin", "x").replace("bob@example.com", "bob")
    assert [p.split(":")[0] for p in problems(text)] == ["line 4", "line 10", "line 17"]
    many = "version: 1\n" + "".join(f"x{n}: 1\n" for n in range(1000))
    with pytest.raises(RulesError, match="and 983 more"):
        parse_rules(many.encode())


def test_names_that_yaml_takes_for_something_else_stay_names() -> None:
    text = RULES.replace("porch:", "no:").replace("yard:", "1234:").replace("  bob:", "  0x10:")
    assert [camera.name for camera in parse_rules(text.encode()).cameras] == [
        "0x10-door",
        "alice-1234",
        "alice-night",
        "alice-no",
    ]


def test_a_thousand_users_are_read_quickly() -> None:
    user = "  u{n}:\n    email: a@b.c\n    timezone: Europe/Berlin\n    rules: [1]\n    devices: {{a: {{}}, b: {{}}}}\n"
    head = "version: 1\nevent_gap_seconds: 60\nrules:\n  1: {name: a, unsafe: [b], min_probability: 0}\nusers:\n"
    text = head + "".join(user.format(n=n) for n in range(1000))
    began = time.monotonic()
    assert len(parse_rules(text.encode()).cameras) == 2000
    assert time.monotonic() - began < 3
