"""The rules of one camera: every key, and which of them a device replaces."""

from datetime import UTC, datetime, time, timedelta

import pytest

from nightjar.domain.areas import Polygon
from nightjar.domain.names import Camera
from nightjar.domain.rules import Agree, CameraRules, Cap, Day, Rules, Severity, StandsAt, Static
from nightjar.domain.windows import Hours
from nightjar.runtime.rules import parse_rules
from tests.scenes import RULES

FULL = """\
version: 1
static: {after_seconds: 900, overlap: 60%}
rules:
  100: {name: animals, unsafe: [dog, cat], min_probability: 0.8}
  200:
    name: intruder
    unsafe: {person: 60%, car: }
    min_probability: 70%
    hours: "22:00-06:00"
    days: [fri, sat]
    areas: [yard, door]
    not_areas: [street]
    stands_at: centre
    min_box: 2%
    max_box: 0.8
    agree: {pictures: 3, within_seconds: 10}
    severity: critical
  300: {name: anybody, unsafe: [person], min_probability: 0.5}
groups: {shop: [300, 100]}
operator: {recipients: [ops@example.com], channels: {critical: [email, oncall]}, mute_until: 2026-11-19T08:00:00Z}
users:
  alice:
    email: alice@example.com
    recipients: [bob@example.com]
    timezone: Europe/Berlin
    language: de
    site: home
    rules: [shop]
    channels: {info: [], critical: [email, oncall]}
    quiet_hours: "23:00-06:00"
    cool_down_seconds: 300
    mute_until: 2026-11-20T08:00:00Z
    alerts: {since: 2026-11-20 09:00:00+01:00}
    cap: {alerts: 20, hours: 24}
    digest: "07:00"
    closing: true
    devices:
      porch:
        rules: [200, shop]
        areas: {yard: [[0, 0], [0.5, 0], [50%, 1]], door: [[0, 0], [1, 0], [1, 1]], street: [[0, 1], [1, 1], [0, 0.5]]}
        masks: [[[0, 0], [0.1, 0], [0, 0.1]]]
      gate:
        site: gate
        recipients: [carol@example.com]
        channels: {warning: [chat], critical: []}
        quiet_hours: false
        cool_down_seconds: 0
        mute_until: 2026-11-21T08:00:00Z
        alerts: {enabled: no}
        closing: false
        static: false
      yard: {static: {after_seconds: 60}, quiet_hours: "01:00-02:00"}
  bob: {recipients: [b@example.com], timezone: UTC, devices: {door: }}
"""
FULL_RULES = parse_rules(FULL.encode())


def camera(name: str, rules: Rules = FULL_RULES) -> CameraRules:
    found = rules.device(Camera.parse(name))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("alice-porch", "recipients", ("alice@example.com", "bob@example.com")),
        ("alice-porch", "email", "alice@example.com"),
        ("alice-porch", "site", "home"),
        ("alice-porch", "language", "de"),
        ("alice-porch", "channels", {"info": (), "warning": ("email",), "critical": ("email", "oncall")}),
        ("alice-porch", "quiet_hours", Hours.parse("23:00-06:00")),
        ("alice-porch", "cool_down", timedelta(minutes=5)),
        ("alice-porch", "mute_until", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        ("alice-porch", "alerts_enabled", True),
        ("alice-porch", "alerts_since", datetime(2026, 11, 20, 8, tzinfo=UTC)),
        ("alice-porch", "cap", Cap(alerts=20, hours=24)),
        ("alice-porch", "digest_at", time(7)),
        ("alice-porch", "closing", True),
        ("alice-porch", "masks", (Polygon(((0, 0), (0.1, 0), (0, 0.1))),)),
        ("alice-porch", "static", Static(after_seconds=900, overlap=0.6, forget_seconds=60, exempt=("person",))),
        ("alice-gate", "site", "gate"),
        ("alice-gate", "recipients", ("carol@example.com",)),
        ("alice-gate", "channels", {"info": (), "warning": ("chat",), "critical": ()}),
        ("alice-gate", "quiet_hours", None),
        ("alice-gate", "cool_down", timedelta(0)),
        ("alice-gate", "mute_until", datetime(2026, 11, 21, 8, tzinfo=UTC)),
        ("alice-gate", "alerts_enabled", False),
        ("alice-gate", "alerts_since", None),
        ("alice-gate", "closing", False),
        ("alice-gate", "static", None),
        ("alice-gate", "areas", {}),
        ("alice-yard", "static", Static(after_seconds=60)),
        ("alice-yard", "quiet_hours", Hours.parse("01:00-02:00")),
        ("bob-door", "email", "b@example.com"),
    ],
)
def test_each_key(name: str, field: str, value: object) -> None:
    assert getattr(camera(name), field) == value


def test_a_file_of_release_0_2_means_what_it_meant() -> None:
    one = camera("alice-porch", parse_rules(RULES.encode()))
    assert one == CameraRules(
        camera=Camera("alice", "porch"),
        recipients=("alice@example.com",),
        timezone=one.timezone,
        language="en-GB",
        channels=dict.fromkeys(Severity, ("email",)),
        site="home",
        allow_grey=False,
        rules=one.rules,
        areas={},
    )
    rule = one.rules[100]
    assert (rule.severity, rule.days, rule.areas, rule.not_areas) == (Severity.WARNING, None, (), ())
    assert (rule.stands_at, rule.min_box, rule.max_box, rule.agree) == (StandsAt.FOOT, None, None, None)


@pytest.mark.parametrize(
    ("name", "ids"), [("alice-porch", [100, 200, 300]), ("alice-gate", [100, 300]), ("bob-door", [])]
)
def test_a_group_stands_for_its_rules(name: str, ids: list[int]) -> None:
    assert list(camera(name).rules) == ids


def test_a_rule() -> None:
    rule = FULL_RULES.rules[200]
    assert [rule.probability_of(label) for label in ("person", "car", "dog")] == [0.6, 0.7, None]
    assert (rule.days, rule.stands_at, rule.severity) == ((Day.FRI, Day.SAT), StandsAt.CENTRE, Severity.CRITICAL)
    assert (rule.areas, rule.not_areas) == (("yard", "door"), ("street",))
    assert (rule.min_box, rule.max_box, rule.agree) == (0.02, 0.8, Agree(pictures=3, within_seconds=10))
    assert FULL_RULES.rules[100].probability_of("dog") == 0.8


def test_the_operator_is_a_recipient() -> None:
    operator = FULL_RULES.operator
    assert operator is not None
    assert (operator.email, operator.timezone.key) == ("ops@example.com", "UTC")
    assert operator.mute_until == datetime(2026, 11, 19, 8, tzinfo=UTC)
    assert operator.channels[Severity.CRITICAL] == ("email", "oncall")
    assert operator.channels[Severity.WARNING] == ("email",)
    assert parse_rules(RULES.encode()).operator is None


def test_a_user_is_a_recipient_whatever_the_device() -> None:
    alice = FULL_RULES.recipient("alice")
    assert alice is not None
    assert (alice.recipients, alice.digest_at) == (("alice@example.com", "bob@example.com"), time(7))
    assert FULL_RULES.recipient("nobody") is None
