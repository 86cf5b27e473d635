"""The words of messages: several events, links or commands, ends, caps; each language's numbers; text equals HTML."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from nightjar.domain.events import Event, EventRef
from nightjar.domain.names import Camera
from nightjar.domain.notices import Action, Fact, Notice, NoticeKind, Row, Section
from nightjar.domain.rules import CameraRules, Cap, Severity
from nightjar.runtime.rules import parse_rules
from nightjar_notify.channels.protocol import Illustration, Outgoing
from nightjar_notify.message import Message, compose
from nightjar_notify.wording.alert import alert_notice, closing_notice, conditions_of, in_order
from nightjar_notify.wording.cap import cap_notice
from nightjar_notify.wording.locale import Writing, lasted
from tests.bucket import PORCH
from tests.images.notify.test_message import WHOLE, Visible, about
from tests.scenes import RULES

GAP = timedelta(seconds=60)
FIRST, OTHER = "2026-11-20T21:14:03", "2026-11-20T21:15:00"


class Signed:
    """Links as they would be signed."""

    def mute(self, camera: Camera, hours: int) -> str:
        return f"https://nightjar.example.com/mute/{camera.name}/{hours}"

    def false_alarm(self, camera: Camera, event: EventRef) -> str:
        return f"https://nightjar.example.com/false/{event.id}"

    def event_page(self, camera: Camera, event: EventRef) -> str:
        return f"https://nightjar.example.com/page/{camera.name}/{event.id}"


def two() -> tuple[list[Event], CameraRules]:
    person, camera = about(FIRST, seen=[("person", 0.9)], site="home")
    car, _ = about(OTHER, seen=[("car", 0.8)], site="home")
    return [
        person.model_copy(update={"label": "person"}),
        car.model_copy(update={"id": "fedcba9876543210", "label": "car", "area": "yard"}),
    ], camera


def written(notice: Notice, *, repeated: bool = False, gone: bool = False) -> Message:
    pictures = [Illustration(each.caption, None if gone else WHOLE) for each in notice.pictures]
    return compose(Outgoing(notice, "alice@example.com", pictures), possibly_repeated=repeated)


def alert(links: Signed | None = None, later: float = 3600) -> Notice:
    events, camera = two()
    now = max(event.ended_at for event in events) + timedelta(seconds=later)
    return alert_notice(in_order(events, camera), camera, links, now, GAP)


def test_several_events_are_told_together_and_one_by_one() -> None:
    notice = alert()
    assert notice.subject == "Person and car at Porch, home, 22:14"
    assert [event.id for event in notice.events] == ["0123456789abcdef", "fedcba9876543210"]
    assert [(picture.caption, len(picture.threat.objects)) for picture in notice.pictures] == [
        ("person, 90 %, 22:14:03", 1),
        ("car, 80 %, 22:15:00", 1),
    ]
    [section] = notice.sections
    assert section.rows == (
        Row("22:14", "person, 90 %", "1 picture"),
        Row("22:15", "car, 80 %, in yard", "1 picture"),
    )
    assert Fact("Where", "Porch, home") in notice.facts
    assert notice.internal == "Camera alice-porch, rule 300, event 0123456789abcdef, fedcba9876543210"


def test_many_events_are_told_in_short() -> None:
    events, camera = two()
    many = [
        events[0].model_copy(update={"id": f"{n:016x}", "started_at": events[0].started_at + timedelta(minutes=n)})
        for n in range(40)
    ]
    notice = alert_notice(many, camera, None, many[-1].ended_at, GAP)
    [section] = notice.sections
    assert (len(section.rows), section.more) == (12, "and 28 more")
    assert len(notice.actions) == 5
    assert len(notice.internal) < 300


@pytest.mark.parametrize(
    ("moments", "later", "fact"),
    [
        ([FIRST], 3600, Fact("Lasted", "a moment: one picture")),
        ([FIRST], 60, Fact("Lasts", "it went on when this was sent")),
        ([FIRST, OTHER], 60, Fact("Lasts", "57 s so far; it went on when this was sent")),
        ([FIRST, OTHER], 61, Fact("Lasted", "57 s")),
    ],
)
def test_that_it_goes_on_or_how_long_it_lasted(moments: list[str], later: float, fact: Fact) -> None:
    event, camera = about(*moments)
    assert fact in alert_notice([event], camera, None, event.ended_at + timedelta(seconds=later), GAP).facts


def test_what_can_be_done_by_links_and_else_by_commands() -> None:
    signed = alert(Signed())
    assert signed.actions[:3] == (
        Action("Mute this camera for 8 hours", link="https://nightjar.example.com/mute/alice-porch/8"),
        Action("The person was no threat", link="https://nightjar.example.com/false/0123456789abcdef"),
        Action("The car was no threat", link="https://nightjar.example.com/false/fedcba9876543210"),
    )
    commands = [action.command for action in alert().actions]
    assert commands == [
        "nightjar mute alice-porch 8h",
        "nightjar review 0123456789abcdef --false-alarm",
        "nightjar review fedcba9876543210 --false-alarm",
        "nightjar export --format pictures --camera alice-porch --from 2026-11-20T21:14:03Z "
        "--to 2026-11-20T21:15:01Z --out pictures",
    ]
    html, text = written(signed).html, written(signed).text
    for action in signed.actions[:3]:
        assert f'href="{action.link}"' in html
        assert f"{action.words}\n  <{action.link}>\n" in text


def test_the_page_of_an_event_is_for_whoever_runs_nightjar() -> None:
    event, camera = about(FIRST, OTHER)
    notice = alert_notice([event], camera, Signed(), event.ended_at, GAP)
    page = "https://nightjar.example.com/page/alice-porch/0123456789abcdef"
    assert notice.actions[-1] == Action("See all 2 pictures", command=page)
    message = written(notice)
    assert (
        f"See all 2 pictures\n    {page}\n" in message.text.partition("Whoever runs Nightjar for you can do this:")[2]
    )
    assert f'href="{page}"' not in message.html  # no button: its reader need not have a login


@pytest.mark.parametrize(("severity", "ending"), [("info", "; info"), ("warning", ""), ("critical", "; critical")])
def test_how_much_it_matters_is_told_in_words(severity: str, ending: str) -> None:
    rules = RULES.replace("min_probability: 0.5}", f"min_probability: 0.5, severity: {severity}}}")
    event, camera = about(FIRST, rules=rules)
    notice = alert_notice([event], camera, None, event.ended_at, GAP)
    assert notice.severity == severity
    assert Fact("Rule", f"anybody: person from 50 %{ending}") in notice.facts


def closing() -> Notice:
    event, camera = about(FIRST, "2026-11-20T21:31:10", site="home")
    return closing_notice(event, camera, Signed(), event.started_at + timedelta(seconds=40))


def test_an_end_is_told_with_how_long_it_lasted() -> None:
    notice = closing()
    assert notice.subject == "It is over: person at Porch, home, 22:14 to 22:31"
    assert (notice.id, notice.about, notice.kind.is_over) == ("closing-0123456789abcdef", "0123456789abcdef", True)
    assert {"Lasted": "17 min", "Seen in": "2 pictures"}.items() <= {f.name: f.value for f in notice.facts}.items()


def capped(digest: bool = True) -> Notice:
    camera = about(FIRST)[1]
    camera = replace(camera, cap=Cap(alerts=20, hours=24), digest_at=time(7, 0) if digest else None)
    return cap_notice(camera, datetime(2026, 11, 20, 21, 0, tzinfo=UTC))


def test_the_last_message_of_a_period() -> None:
    assert capped().paragraphs == (
        "You have had 20 alerts since Friday 20 November 2026, 22:00 CET, which is the most that you want in 24 hours.",
        "The rest is in your digest, which is sent at 07:00.",
    )
    assert capped(digest=False).subject == "No more alerts until 22:00"
    assert capped().id == capped(digest=False).id == "cap-alice-20261120T210000"


def sectioned() -> Notice:
    return Notice(
        id="d",
        kind=NoticeKind.DIGEST,
        severity=Severity.INFO,
        headline="Your digest: <b>2</b> events",
        subject="Your digest",
        when="Friday",
        at=datetime(2026, 11, 20, tzinfo=UTC),
        user="alice",
        paragraphs=("One & two.", "Three."),
        sections=(
            Section("Porch", (Row("22:14", "person <x>", "muted"), Row("22:15", "car")), "and 2 more"),
            Section("Door", ()),
        ),
        actions=(Action("See <all>", command="nightjar status"),),
        why="Because.",
        internal="User alice",
    )


@pytest.mark.parametrize("make", [alert, lambda: alert(Signed()), closing, capped, sectioned])
@pytest.mark.parametrize("repeated", [False, True])
@pytest.mark.parametrize("gone", [False, True])
def test_text_and_html_of_every_kind_say_the_same(make: Callable[[], Notice], repeated: bool, gone: bool) -> None:
    mail = written(make(), repeated=repeated, gone=gone)
    page = Visible()
    page.feed(mail.html)
    links = re.findall(r'href="([^"]+)"', mail.html)
    assert re.findall(r"^  <(.+)>$", mail.text, re.MULTILINE) == links
    assert page.words == re.sub(r"^  <https.+>$", "", mail.text, flags=re.MULTILINE).split()
    assert ("[possibly repeated]" in mail.subject) is repeated
    assert "\n\n\n" not in mail.text


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en-GB", ("Friday 20 November 2026", "22:14:03", "90 %", "1,234")),
        ("en-US", ("Friday, November 20, 2026", "10:14:03\u202fPM", "90%", "1,234")),
        ("de", ("Freitag, 20. November 2026", "22:14:03", "90\xa0%", "1.234")),
        ("fr-CH", ("vendredi, 20 novembre 2026", "22:14:03", "90%", "1\u202f234")),
        ("de-XX", ("Freitag, 20. November 2026", "22:14:03", "90\xa0%", "1.234")),
        ("xx", ("Friday 20 November 2026", "22:14:03", "90 %", "1,234")),  # Babel does not know it
    ],
)
def test_numbers_dates_and_the_clock_are_those_of_the_language(language: str, expected: tuple[str, ...]) -> None:
    writing = Writing(language, about(FIRST)[1].timezone)
    moment = datetime.fromisoformat(FIRST).replace(tzinfo=UTC)
    made = (writing.day(moment), writing.clock(moment), writing.likely(0.909), writing.number(1234))
    assert made == expected


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "2 h"), (7500, "2 h 5 min"), (86_400 * 2, "2 days")],
)
def test_how_long(seconds: float, words: str) -> None:
    assert lasted(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("unsafe: [person], min_probability: 0.6", "person from 60 %"),
        ("unsafe: {person: 60%, car: 80%, cat: 60%}", "person, cat from 60 %, car from 80 %"),
        ("unsafe: [car], min_probability: 0.6, hours: '22:00-06:00'", "car from 60 %, 22:00-06:00"),
        ("unsafe: [car], min_probability: 0.6, days: [mon, tue]", "car from 60 %, on mon and tue"),
        (
            "unsafe: [car], min_probability: 0.6, hours: '22:00-06:00', days: [sat], areas: [yard], "
            "not_areas: [street]",
            "car from 60 %, 22:00-06:00 on sat, in yard, not in street",
        ),
        (
            "unsafe: [car], min_probability: 0.6, agree: {pictures: 3, within_seconds: 10}",
            "car from 60 %, in 3 pictures within 10 s",
        ),
    ],
)
def test_a_rule_in_words(rule: str, words: str) -> None:
    text = (
        f"rules: {{1: {{name: x, {rule}}}}}\nusers:\n  alice:\n    email: a@example.com\n    timezone: UTC\n"
        "    rules: [1]\n"
        "    devices: {porch: {areas: {yard: [[0, 0], [1, 0], [1, 1]], street: [[0, 0], [1, 0], [1, 1]]}}}\n"
    )
    camera = parse_rules(text.encode()).device(PORCH)
    assert camera is not None
    assert conditions_of(camera.rules[1], Writing.of(camera)) == words
