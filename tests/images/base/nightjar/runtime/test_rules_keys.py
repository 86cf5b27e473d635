"""Every key of the rules written wrongly: one problem, its line, and how to write it."""

import json
import re

import pytest

from nightjar.runtime.rules import RulesError, check_rules, parse_rules
from tests.images.base.nightjar.domain.test_camera_rules import FULL

LINES = FULL.splitlines()
PORCH_AREAS = "areas: {yard: [[0, 0], [0.5, 0], [50%, 1]]"
MASK = "masks: [[[0, 0], [0.1, 0], [0, 0.1]]]"


def problems(text: str) -> list[str]:
    with pytest.raises(RulesError) as caught:
        parse_rules(text.encode())
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        # the whole file
        ("static: {after", "statik: {after", r"statik: unknown key: did you mean static\?$"),
        ("static: {after_seconds: 900", "static: {after: 900", "static.after: unknown key"),
        ("static: {after_seconds", "static: {after_second", r"did you mean after_seconds\?$"),
        ("after_seconds: 900", "after_seconds: 0", "static.after_seconds: expected at least 1, got 0"),
        ("after_seconds: 900", "after_seconds: 90000", "expected at most 21600, got 90000"),
        ("overlap: 60%", "overlap: 60", "static.overlap: expected a share from 0 to 1, .* got 60: write 0.6 or 60%"),
        ("overlap: 60%", "overlap: 0", "static.overlap: expected more than 0, got 0"),
        ("overlap: 60%", "exempt: [cat, cat]", "static.exempt: expected each only once, got twice: cat"),
        ("static: {after_seconds: 900, overlap: 60%}", "static:", "static: expected a mapping .* got nothing"),
        ("static: {after_seconds: 900, overlap: 60%}", "static: true", "static: expected a mapping, got True"),
        (
            "groups: {shop: [300, 100]}",
            "groups: {shop: [300, 7]}",
            r"groups.shop.1: expected the id of a rule \(100",
        ),
        ("groups: {shop: [300, 100]}", "groups: {shop: [300, 300]}", "groups.shop: expected each only once"),
        (
            "groups: {shop: [300, 100]}",
            "groups: {shop: [100], all: [shop]}",
            "groups.all.0: expected a whole number",
        ),
        ("groups: {shop: [300, 100]}", "groups: {shop: [100], 7: [100]}", "groups.7: .* begins with a letter, got '7'"),
        ("groups: {shop:", "groups: {x-y: [], shop:", "groups.x-y: expected a name"),
        ("operator: {recipients:", "operator: {recipient:", r"recipient: unknown key: did you mean recipients\?"),
        ("recipients: [ops@example.com]", "timezone: UTC", "operator.email: missing key"),
        (
            "recipients: [ops@example.com]",
            "recipients: [ops]",
            "operator.recipients.0: expected an e-mail address",
        ),
        ("recipients: [ops@example.com]", "recipients: []", "operator.recipients: expected a list of at least 1"),
        ("2026-11-19T08:00:00Z", "2026-11-19T08:00:00", "operator.mute_until: "),
        ("mute_until: 2026-11-19T08:00:00Z", "cap: {alerts: 5, hours: 1}", "operator.cap: unknown key"),
        # a rule
        ("unsafe: {person: 60%, car: }", "unsafe: {}", "rules.200.unsafe: expected a mapping of at least 1"),
        ("unsafe: {person: 60%, car: }", "unsafe: {person: 60}", "unsafe.person: .* got 60: write 0.6 or 60%"),
        ("unsafe: {person: 60%, car: }", "unsafe: {' person': 60%}", r"unsafe\. person: expected 1 to 64 printable"),
        ("    min_probability: 70%\n", "", "rules.200.min_probability: missing key"),
        ("animals, unsafe: [dog, cat], min_probability: 0.8", "animals, unsafe: [dog]", "100.min_probability: missing"),
        ("days: [fri, sat]", "days: [fri, Saturday]", r"days.1: expected one of mon, .* did you mean sat\?"),
        ("days: [fri, sat]", "days: [fri, fri]", "rules.200.days: expected each only once, got twice: fri"),
        ("days: [fri, sat]", "days: []", r"rules.200.days: expected a list of at least 1, got \[\]"),
        ("days: [fri, sat]", "days: fri", "rules.200.days: expected a list, got 'fri'"),
        ("days: [fri, sat]", "days: [fri, 7]", "rules.200.days.1: expected one of mon"),
        ("areas: [yard, door]", "areas: []", "rules.200.areas: expected a list of at least 1"),
        ("areas: [yard, door]", "areas: [yard, door, yard]", "rules.200.areas: expected each only once"),
        ("areas: [yard, door]", "areas: [yard, do-or]", "rules.200.areas.1: expected a name of 1 to 64"),
        ("not_areas: [street]", "not_areas: [street, door]", "not_areas.1: expected an area that is not among areas"),
        ("not_areas: [street]", "not_area: [street]", r"not_area: unknown key: did you mean not_areas\?"),
        ("stands_at: centre", "stands_at: center", r"stands_at: expected one of foot, .* did you mean centre\?"),
        ("stands_at: centre", "stands_at: 7", "stands_at: expected one of foot, centre, touch, got 7"),
        ("min_box: 2%", "min_box: 2", "min_box: expected a share from 0 to 1, .* got 2: write 0.02 or 2%"),
        ("min_box: 2%", "min_box: 81%", r"rules.200.min_box: expected at most max_box \(0.8\), got 0.81"),
        ("within_seconds: 10", "within_seconds: 0", "agree.within_seconds: expected at least 1, got 0"),
        (", within_seconds: 10", "", "rules.200.agree.within_seconds: missing key"),
        ("pictures: 3", "pictures: 0", "agree.pictures: expected at least 1, got 0"),
        ("pictures: 3", "picture: 3, pictures: 3", r"agree.picture: unknown key: did you mean pictures\?"),
        ("severity: critical", "severity: Critical", r"severity: expected one of info, .* did you mean critical\?"),
        # a user
        ("language: de", "language: de_DE", r"language: expected a language like de or en-GB, .* mean de-DE\?"),
        ("language: de", "language: German", "language: expected a language like de or en-GB, got 'German'$"),
        ("language: de", "language: no", "language: expected text, got no: put it in quotes"),
        ("recipients: [bob@example.com]", "recipients: []", "alice.recipients: expected a list of at least 1"),
        ("recipients: [bob@example.com]", "recipients: bob@example.com", "alice.recipients: expected a list"),
        ("recipients: [bob@example.com]", "recipients: [alice@example.com]", "alice.recipients: .* twice: alice@ex"),
        ("bob: {recipients: [b@example.com], ", "bob: {", r"users.bob.email: missing key \(or recipients\)"),
        (
            "rules: [shop]",
            "rules: [shp]",
            r"alice.rules.0: .* of a group \(shop\), got 'shp': did you mean shop",
        ),
        ("rules: [shop]", "rules: [shop, shop]", "alice.rules: expected each only once"),
        ("info: [], critical", "Info: [], critical", r"channels.Info: expected one of info, .* did you mean info\?"),
        ("info: []", "info: email", "channels.info: expected a list, got 'email'"),
        ("info: []", "info: [a b]", "channels.info.0: expected email, or the name of a channel: .* got 'a b'"),
        ("info: []", "info: ['slack://TOKEN']", "got an address: an address stands in the deployment's secret"),
        ("info: []", "info: [email, email]", "channels.info: expected each only once"),
        ("channels: {info: [], critical: [email, oncall]}", "channels:", "channels: expected a mapping .* got nothing"),
        ('quiet_hours: "23:00-06:00"', "quiet_hours: 23", "quiet_hours: expected hours like"),
        ('quiet_hours: "23:00-06:00"', "quiet_hours: true", "quiet_hours: expected hours like"),
        ('quiet_hours: "23:00-06:00"', "quiet_hours:", "quiet_hours: expected hours like .* or false, got nothing"),
        ("cool_down_seconds: 300", "cool_down_seconds: -1", "cool_down_seconds: expected at least 0, got -1"),
        ("cool_down_seconds: 300", "cool_down: 300", r"cool_down: unknown key: did you mean cool_down_seconds\?"),
        ("2026-11-20T08:00:00Z", "2026-11-20T08:00:00", "mute_until: expected a time with a zone .* put Z for UTC"),
        ("2026-11-20T08:00:00Z", "2026-11-20 08:00:00", "mute_until: expected a time with a zone .* put Z for UTC"),
        ("2026-11-20T08:00:00Z", "2026-11-20", "mute_until: expected a time with a zone .* got '2026-11-20'$"),
        ("2026-11-20T08:00:00Z", "2026-02-30T08:00:00Z", "mute_until: .*day is out of range"),
        ("2026-11-20T08:00:00Z", "2026-11-20T25:00:00Z", "mute_until: .*hour must be in"),
        ("2026-11-20T08:00:00Z", "9999-12-31T23:00:00-02:00", "mute_until: .* for which UTC has no year"),
        ("2026-11-20T08:00:00Z", "tomorrow", "mute_until: expected a time with a zone"),
        ("2026-11-20T08:00:00Z", "1795161600", "mute_until: expected a time with a zone .* got 1795161600"),
        ("{since: 2026-11-20 09:00:00+01:00}", "{from: 2026-11-20}", "alerts.from: unknown key"),
        ("{since: 2026-11-20 09:00:00+01:00}", "{since: 2026-11-20}", "alerts.since: expected a time with a zone"),
        ("{since: 2026-11-20 09:00:00+01:00}", "{enable: true}", r"alerts.enable: .* did you mean enabled\?"),
        ("{since: 2026-11-20 09:00:00+01:00}", "false", "alerts: expected a mapping, got False"),
        ("cap: {alerts: 20, hours: 24}", "cap: {alerts: 0, hours: 24}", "cap.alerts: expected at least 1, got 0"),
        ('digest: "07:00"', "digest: 7", 'digest: expected a time of the day like "07:00", in quotes, got 7'),
        ('digest: "07:00"', "digest: 12:00", "digest: .* in quotes, got 12:00, which YAML reads as 720"),
        ('digest: "07:00"', 'digest: "24:00"', "digest: expected a time of the day"),
        ("closing: true", "closing: 2", "closing: expected true or false"),
        # a device
        (PORCH_AREAS, "areas: {yard: [[0, 0], [0.5, 0]]", "areas.yard: expected 3 to 100 different corners, got 2"),
        (PORCH_AREAS, "areas: {yard: []", "areas.yard: expected 3 to 100 different corners, got 0"),
        (PORCH_AREAS, "areas: {yard: ", "areas.yard: expected a list of at least 3 corners .* got nothing"),
        (PORCH_AREAS, "areas: {yard: [0, 0, 1, 1]", r"areas.yard.0: expected a corner \[x, y\], got 0"),
        (PORCH_AREAS, "areas: {yard: [[0, 0], [0.5, 0], [50, 1]]", "areas.yard.2.0: .* got 50: write 0.5 or 50%"),
        (PORCH_AREAS, "areas: {yard: [[0, 0], [0.5, 0], [0.5, -1]]", "areas.yard.2.1: expected a share from 0 to 1"),
        (PORCH_AREAS, "areas: {yard: [[0, 0], [1, 1], [1, 0], [0, 1]]", "areas.yard: expected edges that do not cross"),
        (PORCH_AREAS, "areas: {yard: [[0, 0], [0, 1], [0, 0.5]]", "areas.yard: expected an area, got corners in one"),
        (
            PORCH_AREAS,
            "areas: {ya-rd: [], yard: [[0, 0], [0.5, 0], [50%, 1]]",
            "areas.ya-rd: expected a name",
        ),
        (MASK, "masks: [[0, 0], [0.1, 0], [0, 0.1]]", r"masks.0.0: expected a corner \[x, y\], got 0"),
        (MASK, "mask: []", r"porch.mask: unknown key: did you mean masks\?"),
        ("rules: [200, shop]", "rules: [200, shops]", r"porch.rules.1: .*got 'shops': did you mean shop\?"),
        ("rules: [shop]", "rules: [shop, 200]", r"alice.rules.1: rule 200 is about the area 'yard', which no device"),
        ("static: {after_seconds: 60}", "static: {after: 60}", "yard.static.after: unknown key"),
        ("static: false", "static: no thanks", "gate.static: expected a mapping, got 'no thanks'"),
        ("static: false", "timezone: UTC", "gate.timezone: unknown key"),
    ],
)
def test_a_key_written_wrongly_is_told_with_its_line(old: str, new: str, message: str) -> None:
    assert FULL.count(old) >= 1
    found = problems(FULL.replace(old, new, 1))
    line = next(n for n, each in enumerate(LINES, 1) if old.strip().split("\n")[0] in each)
    assert any(re.search(message, problem) for problem in found), found
    assert all(problem.startswith((f"line {line}: ", f"line {line - 1}: ", "line 5: ")) for problem in found), found


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("yard: [[0, 0], [0.5, 0]", "yad: [[0, 0], [0.5, 0]", "line 39: users.alice.devices.porch.rules.0: rule 200 is "
         "about the area 'yard', which this device does not have (door, street, yad): did you mean yad?"),
        ("street: [[0, 1]", "stret: [[0, 1]", "line 39: users.alice.devices.porch.rules.0: rule 200 is about the area "
         "'street', which this device does not have (door, stret, yard): did you mean stret?"),
    ],
)  # fmt: skip
def test_an_area_that_a_device_of_the_rule_lacks(old: str, new: str, expected: str) -> None:
    assert problems(FULL.replace(old, new, 1)) == [expected]


def test_an_area_that_only_some_devices_of_a_user_have_is_a_warning() -> None:
    text = FULL.replace("rules: [shop]", "rules: [shop, 200]").replace("        rules: [200, shop]\n", "")
    checked = check_rules(text.encode())
    assert checked.problems == ()
    assert [str(each) for each in checked.warnings][:2] == [
        "line 41: users.alice.devices.gate: rule 200 is about the area 'yard', which this device does not have",
        "line 41: users.alice.devices.gate: rule 200 is about the area 'door', which this device does not have",
    ]
    assert check_rules(FULL.encode()).warnings == ()


@pytest.mark.parametrize(
    ("channels", "warnings"),
    [
        (None, []),
        (["oncall", "chat"], []),
        (["on_call", "chat"], ["line 20: operator.channels.critical.1", "line 29: users.alice.channels.critical.1"]),
        (["oncall"], ["line 45: users.alice.devices.gate.channels.warning.0"]),
    ],
)
def test_a_channel_that_the_deployment_lacks_is_a_warning(channels: list[str] | None, warnings: list[str]) -> None:
    checked = check_rules(FULL.encode(), channels=channels)
    assert checked.rules is not None
    assert [str(each).split(": no channel")[0] for each in checked.warnings] == warnings
    if channels and "on_call" in channels:
        assert all("did you mean on_call?" in str(each) for each in checked.warnings)


def test_a_time_with_a_zone_may_be_written_in_these_ways() -> None:
    for written in ("2026-11-20T08:00:00Z", "2026-11-20 08:00Z", "'2026-11-20T09:00:00+01:00'", "2026-11-20t08:00:00z"):
        rules = parse_rules(FULL.replace("mute_until: 2026-11-20T08:00:00Z", f"mute_until: {written}", 1).encode())
        alice = rules.recipient("alice")
        assert alice is not None and alice.mute_until is not None
        assert alice.mute_until.isoformat().startswith("2026-11-20T0")
        assert alice.mute_until.timestamp() == 1795161600


@pytest.mark.parametrize("value", ["x", [], 7, None, [7], {"a": 7}, {"a": {"b": [7]}}, True])
@pytest.mark.parametrize("key", ["static", "rules", "groups", "operator", "users"])
def test_a_value_of_any_shape_anywhere_is_told_or_taken(key: str, value: object) -> None:
    content = {"users": {}, key: value}
    checked = check_rules(json.dumps(content).encode(), ["person"])
    assert bool(checked.problems) is (checked.rules is None)
