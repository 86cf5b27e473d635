"""Reading the rules: every problem with its line."""

import re
import time

import pytest

from nightjar.domain.names import Camera
from nightjar.runtime.rules import RulesError, check_rules, parse_rules
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
        ("version: 1", "version: 2", "version: 1", "version: expected 1, got '?2"),
        ("version: 1", "x: 1\nversion: 1", "version: 1", "x: unknown key"),
        (
            "event_gap_seconds: 60",
            "event_gap_seconds: -1",
            "event_gap",
            "event_gap_seconds: expected at least 0, got -1$",
        ),
        ("version: 1", "version: true", "version: 1", "version: expected a number, got true"),
        (
            "event_gap_seconds: 60",
            "event_gap_seconds: yes",
            "event_gap",
            "event_gap_seconds: expected a number, got yes, which YAML reads as true$",
        ),
        (
            "min_probability: 0.8",
            "min_probability: yes",
            "100:",
            "min_probability: expected a number, got yes, which YAML reads as true$",
        ),
        (
            "min_probability: 0.8",
            "min_probability: no",
            "100:",
            "min_probability: expected a number, got no, which YAML reads as false$",
        ),
        (
            "    rules: [300]\n    devices:\n",
            "    rules: [yes]\n    devices:\n",
            "rules: [300]",
            "number, got yes, which YAML reads as true$",
        ),
        ("min_probability: 0.8", "min_probability: 1.2", "100:", "rules.100.min_probability: .* got 1.2"),
        ("min_probability: 0.8", "min_probability: 0.8, min: 1", "100:", "rules.100.min: unknown key"),
        ("unsafe: [dog, cat, bird]", "unsafe: []", "100:", r"unsafe: expected a list of at least 1, got \[\]$"),
        ("event_gap_seconds: 60", "event_gap_seconds: 90000", "event_gap", "expected at most 86400, got 90000$"),
        ("[dog, cat, bird]", "[dog, dog]", "100:", "expected each only once, got twice: dog"),
        ("[dog, cat, bird]", "dog", "100:", "unsafe: expected a list, got 'dog'$"),
        ("name: animals", 'name: "a\\nb"', "100:", "printable characters"),
        ("22:00-06:00", "22:00", "200:", "hours: expected hours like \"22:00-06:00\", got '22:00'"),
        ('"22:00-06:00"', "22:00", "200:", "rules.200.hours: .* in quotes, got 22:00, which YAML reads as 1320"),
        ('"22:00-06:00"', "7", "200:", "in quotes, got 7"),
        ("rules: [100, 300]", "rules: [0144, 300]", "porch", r"porch.rules.0: .* got 0144, which YAML reads as 100"),
        ("rules: [100, 300]", "rules: [0x64, 300]", "porch", "got 0x64, which YAML reads as 100"),
        ("rules: [100, 300]", "rules: [0b1100100, 300]", "porch", "got 0b1100100, which YAML reads as 100"),
        ("rules: [100, 300]", "rules: [1_00, 300]", "porch", "got 1_00, which YAML reads as 100"),
        ("rules: [100, 300]", "rules: [1:40, 300]", "porch", "got 1:40, which YAML reads as 100"),
        ("rules: [100, 300]", 'rules: ["0100", 300]', "porch", "expected a whole number, got '0100'"),
        ("rules: [100, 300]", "rules: [100, 300, 08]", "porch", "expected a whole number, got '08'"),
        ("rules: [100, 300]", "rules: [100, 300, 1e3]", "porch", "expected a whole number, got '1e3'"),
        ("rules: [100, 300]", "rules: [100, 300.5]", "porch", "got 300.5"),
        ("rules: [100, 300]", "rules: [100, ~]", "porch", "rules.1: expected a whole number, got nothing$"),
        ("event_gap_seconds: 60", "event_gap_seconds: 0300", "event_gap", "got 0300, which YAML reads as 192"),
        ("event_gap_seconds: 60", "event_gap_seconds: 080", "event_gap", "expected a whole number, got '080'"),
        ("event_gap_seconds: 60", "event_gap_seconds: 1_000", "event_gap", "got 1_000, which YAML reads as 1000"),
        ("event_gap_seconds: 60", "event_gap_seconds: 1:30", "event_gap", "got 1:30, which YAML reads as 90"),
        ("event_gap_seconds: 60", "event_gap_seconds: 1:30.5", "event_gap", "got 1:30.5, which YAML reads as 90.5"),
        ("event_gap_seconds: 60", "event_gap_seconds: 1e3", "event_gap", "expected a whole number, got '1e3'"),
        ("event_gap_seconds: 60", "event_gap_seconds: 0o17", "event_gap", "expected a whole number, got '0o17'"),
        ("event_gap_seconds: 60", "event_gap_seconds: .inf", "event_gap", "got .inf, which YAML reads as inf"),
        ("event_gap_seconds: 60", f"event_gap_seconds: 0x{'f' * 5000}", "event_gap", "reads as another number"),
        ("event_gap_seconds: 60", f"event_gap_seconds: {'9' * 5000}", "event_gap", "expected a whole number, got '99"),
        ("event_gap_seconds: 60", "event_gap_seconds: 0b_", "event_gap", "expected a whole number, got '0b_'"),
        ("min_probability: 0.8", "min_probability: .nan", "100:", "got .nan, which YAML reads as nan"),
        ("min_probability: 0.8", "min_probability: 0_0.8", "100:", "got 0_0.8, which YAML reads as 0.8"),
        ("min_probability: 0.8", "min_probability: 80", "100:", "such as 0.8 or 80%, got 80: write 0.8 or 80%$"),
        ("min_probability: 0.8", "min_probability: 62.5", "100:", "got 62.5: write 0.625 or 62.5%$"),
        ("min_probability: 0.8", "min_probability: '80'", "100:", "got 80: write 0.8 or 80%$"),
        ("min_probability: 0.8", "min_probability: 101", "100:", "such as 0.8 or 80%, got 101$"),
        ("min_probability: 0.8", "min_probability: 101%", "100:", "such as 0.8 or 80%, got 101%$"),
        ("min_probability: 0.8", "min_probability: -0.1", "100:", "such as 0.8 or 80%, got -0.1$"),
        ("min_probability: 0.8", "min_probability: -5%", "100:", "such as 0.8 or 80%, got -5%$"),
        ("min_probability: 0.8", "min_probability: '0,8'", "100:", "such as 0.8 or 80%, got 0,8$"),
        ("min_probability: 0.8", "min_probability: high", "100:", "such as 0.8 or 80%, got high$"),
        ("min_probability: 0.8", "min_probability: '%'", "100:", "such as 0.8 or 80%, got %$"),
        ("min_probability: 0.8", "min_probability: ~", "100:", "such as 0.8 or 80%, got None$"),
        ("name: animals", "name: yes", "100:", "rules.100.name: expected text, got yes: put it in quotes"),
        ("[dog, cat, bird]", "[dog, NO, bird]", "100:", "unsafe.1: expected text, got NO: put it in quotes"),
        ("[dog, cat, bird]", "[dog, 7, bird]", "100:", "unsafe.1: expected text, got 7: put it in quotes"),
        ("[dog, cat, bird]", "[dog, 007, bird]", "100:", "unsafe.1: .* got 007, which YAML reads as 7"),
        ("[dog, cat, bird]", "[dog, null]", "100:", "unsafe.1: expected text, got null: put it in quotes"),
        ("site: home", "site: off", "porch", "site: expected text, got off: put it in quotes"),
        ("100: {", "0100: {", "100:", "expected a whole number, got '0100'"),
        ("100: {", "1_00: {", "100:", "expected a whole number, got '1_00'"),
        ("name: animals,", "name: animals, name: x,", "100:", "rules.100.name: given twice, first in line 4"),
        ("Europe/Berlin", "Europe/Berlinx", "Europe", "expected an IANA time zone like Europe/Berlin"),
        ("Europe/Berlin", "../../etc/passwd", "Europe", "expected an IANA time zone"),
        ("Europe/Berlin", "Europe", "Europe", "expected an IANA time zone"),
        ("Europe/Berlin", "europe/berlin", "Europe", "got 'europe/berlin': did you mean Europe/Berlin\\?"),
        ("Europe/Berlin", "Berlin", "Europe", "did you mean Europe/Berlin\\?"),
        ("Europe/Berlin", "America/New York", "Europe", "did you mean America/New_York\\?"),
        ("Europe/Berlin", "GMT+2", "Europe", "expected an IANA time zone like Europe/Berlin, got 'GMT\\+2'"),
        ("Europe/Berlin", "localtime", "Europe", "expected an IANA time zone like Europe/Berlin, got 'localtime'$"),
        ("Europe/Berlin", "Factory", "Europe", "expected an IANA time zone like Europe/Berlin, got 'Factory'"),
        ("Europe/Berlin", "posixrules", "Europe", "expected an IANA time zone"),
        ("Europe/Berlin", "posix/Europe/Berlin", "Europe", "did you mean Europe/Berlin"),
        ("Europe/Berlin", "right/Europe/Berlin", "Europe", "did you mean Europe/Berlin"),
        ("Europe/Berlin", "zone.tab", "Europe", "expected an IANA time zone"),
        ("Europe/Berlin", "'Europe/Berlin '", "Europe", "did you mean Europe/Berlin"),
        ("Europe/Berlin", "''", "Europe", "expected an IANA time zone"),
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
        ("allow_grey: true", "allow_gray: true", "yard", r"allow_gray: unknown key: did you mean allow_grey\?$"),
        (
            "version: 1",
            "event_gap: 1\nversion: 1",
            "version: 1",
            r"event_gap: .* did you mean event_gap_seconds\?$",
        ),
        ("version: 1", "event_gap_second: 1\nversion: 1", "version: 1", r"did you mean event_gap_seconds\?$"),
        ("name: animals", "name: animals, hour: x", "100:", r"rules.100.hour: unknown key: did you mean hours\?$"),
        (
            "email: alice@",
            "e-mail: x\n    email: alice@",
            "email: alice@",
            r"e-mail: unknown key: did you mean email\?$",
        ),
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
    began = time.thread_time()
    assert any(re.search(message, problem) for problem in problems(text))
    assert time.thread_time() - began < 10


def test_all_problems_are_told_in_order_and_the_sentence_is_bounded() -> None:
    text = RULES.replace("0.8", "8").replace("Europe/Berlin", "x").replace("bob@example.com", "bob")
    assert [p.split(":")[0] for p in problems(text)] == ["line 4", "line 10", "line 17"]
    many = "version: 1\n" + "".join(f"x{n}: 1\n" for n in range(1000))
    with pytest.raises(RulesError, match="and 981 more"):
        parse_rules(many.encode())


def test_a_list_whose_only_item_is_wrong_is_one_problem() -> None:
    [problem] = problems(RULES.replace("[dog, cat, bird]", "[no]"))
    assert "unsafe.0: expected text, got no" in problem


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
    began = time.thread_time()
    assert len(parse_rules(text.encode()).cameras) == 2000
    assert time.thread_time() - began < 3, "expected seconds of computing"


@pytest.mark.parametrize(
    ("written", "probability"),
    [
        ("0.8", 0.8),
        ("80%", 0.8),
        ("80 %", 0.8),
        ("'80%'", 0.8),
        ('"80 %"', 0.8),
        ("' 80\u00a0% '", 0.8),
        ("'0.8'", 0.8),
        (".8", 0.8),
        ("8e-1", 0.8),
        ("62.5%", 0.625),
        (".5%", 0.005),
        ("29%", 0.29),
        ("0", 0.0),
        ("0%", 0.0),
        ("1", 1.0),
        ("1.", 1.0),
        ("100%", 1.0),
    ],
)
def test_a_probability_is_a_fraction_or_a_percentage(written: str, probability: float) -> None:
    text = RULES.replace("min_probability: 0.8", f"min_probability: {written}")
    assert parse_rules(text.encode()).rules[100].min_probability == probability


@pytest.mark.parametrize(
    "text",
    [
        "users: {}",
        "users:\n",
        "rules:\nusers:\n",
        "users: {a: {email: a@b.c, timezone: UTC}}",
        "users: {a: {email: a@b.c, timezone: UTC, devices: {b: }}}",
        "rules: {1: {name: r, unsafe: [b], min_probability: 1}}\nusers: {a: {email: a@b.c, timezone: UTC, rules: [1]}}",
    ],
)
def test_keys_with_a_sensible_default_may_be_left_out(text: str) -> None:
    rules = parse_rules(text.encode())
    assert (rules.version, rules.event_gap_seconds) == (1, 60)


def test_truth_values_keep_the_words_of_yaml() -> None:
    for word in ("true", "yes", "on", "True"):
        rules = parse_rules(RULES.replace("allow_grey: true", f"allow_grey: {word}").encode())
        camera = rules.device(Camera("alice", "yard"))
        assert camera is not None
        assert camera.allow_grey


def test_an_unknown_rule_and_a_label_are_told_beside_a_wrong_zone_and_a_misread_number() -> None:
    text = (
        RULES.replace("event_gap_seconds: 60", "event_gap_seconds: 0300")
        .replace("bird]", "racoon, Person]")
        .replace("Europe/Berlin", "Berlin")
        .replace("rules: [100, 300]", "rules: [100, 7]")
        .replace("  bob:", "  bo-b:")
    )
    checked = check_rules(text.encode(), ["person", "dog", "cat"])
    assert checked.rules is None
    assert [str(problem) for problem in checked.problems] == [
        "line 2: event_gap_seconds: expected a decimal number, or text in quotes, got 0300, which YAML reads as 192",
        "line 10: users.alice.timezone: expected an IANA time zone like Europe/Berlin, got 'Berlin': did you mean "
        "Europe/Berlin?",
        "line 13: users.alice.devices.porch.rules.1: expected the id of a rule (100, 200, 300), got 7",
        "line 16: users.bo-b: expected a name of 1 to 64 of A-Z a-z 0-9 _, got 'bo-b'",
    ]
    assert [str(problem) for problem in checked.unseen] == [
        "line 4: rules.100.unsafe.2: no label that the detector can see: 'racoon': did you mean cat or dog?",
        "line 4: rules.100.unsafe.3: no label that the detector can see: 'Person': did you mean person?",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "rules: [1]\nusers: 7\n",
        "rules: {1: x}\nusers: {a: [1]}\n",
        "rules: {1: {unsafe: x}}\nusers: {a: {rules: x, devices: [b]}}\n",
        "rules: {1: {unsafe: [[x], {a: b}]}}\nusers: {a: {rules: [[1], {a: b}], devices: {b: 7}}}\n",
    ],
)
def test_a_file_of_any_shape_is_told_what_is_wrong(text: str) -> None:
    checked = check_rules(text.encode(), ["person"])
    assert checked.rules is None
    assert checked.problems


def test_a_file_full_of_wrong_names_is_told_quickly() -> None:
    users = "".join(f"  u{n}: {{email: a@b.c, timezone: Europa/Berl{n}}}\n" for n in range(3_000))
    rule = f"rules: {{1: {{name: r, min_probability: 1, unsafe: [{','.join(f'persn{n}' for n in range(3_000))}]}}}}\n"
    began = time.thread_time()
    checked = check_rules(f"{rule}users:\n{users}".encode(), ["person"])
    assert time.thread_time() - began < 10
    assert (len(checked.problems), len(checked.unseen)) == (3_000, 3_000)
    assert "did you mean Europe/" in str(checked.problems[0])
