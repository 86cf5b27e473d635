"""The words of an alert: times on the user's clock, names from outside as text."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from nightjar.domain.detections import DetectedObject
from nightjar.domain.events import Event, ThreatPicture, summary_of
from nightjar.domain.names import Camera
from nightjar.domain.rules import CameraRules
from nightjar.runtime.rules import parse_rules
from nightjar_notify.channels.protocol import Illustration, Outgoing
from nightjar_notify.message import Message, compose
from nightjar_notify.picture import Pictures, Shown
from nightjar_notify.wording.alert import alert_notice
from tests.bucket import PORCH
from tests.scenes import BOX, DETECTOR, DOOR, RULES, detection

WHOLE = Pictures(Shown(b"whole", 640, 360))


def about(
    *moments: str,
    camera: Camera = PORCH,
    site: str | None = None,
    rules: str = RULES,
    seen: Sequence[tuple[str, float]] = (("person", 0.9),),
    then: Sequence[tuple[str, float]] = (),
) -> tuple[Event, CameraRules]:
    times = [datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in moments]
    threats = [
        ThreatPicture(
            picture=detection(camera, t, {}).picture,
            detector=DETECTOR,
            objects=tuple(DetectedObject(label=label, probability=p, box=BOX) for label, p in objects),
        )
        for t, objects in zip(times, [seen] * (len(times) - bool(then)) + [then], strict=False)
    ]
    event = Event(
        id="0123456789abcdef",
        day=times[0].date(),
        user=camera.user,
        device=camera.device,
        site=site,
        rule_id=300,
        rule_name="anybody",
        rules_sha256="0" * 64,
        **summary_of(threats),
    )
    settings = parse_rules(rules.encode()).device(camera)
    assert settings is not None
    return event, settings


def composed(
    event: Event, camera: CameraRules, pictures: Pictures | None = WHOLE, *, possibly_repeated: bool = False
) -> Message:
    """The e-mail about an event, sent an hour after its end."""
    notice = alert_notice([event], camera, None, event.ended_at + timedelta(hours=1), timedelta(seconds=60))
    illustrations = [Illustration(each.caption, pictures) for each in notice.pictures]
    return compose(Outgoing(notice, camera.email, illustrations), possibly_repeated=possibly_repeated)


def message(*moments: str, **options: Any) -> Message:
    return composed(*about(*moments, **options))


@pytest.mark.parametrize(
    ("camera", "moments", "clock", "when"),
    [
        (PORCH, ["2026-11-20T21:14:03"], "22:14", "Friday 20 November 2026, 22:14:03 CET (Europe/Berlin)"),
        (PORCH, ["2026-07-03T21:14:03"], "23:14", "Friday 3 July 2026, 23:14:03 CEST (Europe/Berlin)"),
        (DOOR, ["2026-11-20T03:00:00"], "22:00", "Thursday 19 November 2026, 22:00:00 EST (America/New_York)"),
        (
            PORCH,
            ["2026-11-20T21:14:03", "2026-11-20T21:14:40"],
            "22:14",
            "Friday 20 November 2026, 22:14:03 to 22:14:40 CET (Europe/Berlin)",
        ),
        (
            PORCH,
            ["2026-11-20T22:59:50", "2026-11-20T23:00:10"],
            "23:59",
            "Friday 20 November 2026, 23:59:50 CET to Saturday 21 November 2026, 00:00:10 CET (Europe/Berlin)",
        ),
        (  # the clock goes back from 03:00 CEST to 02:00 CET
            PORCH,
            ["2026-10-25T00:59:50", "2026-10-25T01:00:10"],
            "02:59",
            "Sunday 25 October 2026, 02:59:50 CEST to Sunday 25 October 2026, 02:00:10 CET (Europe/Berlin)",
        ),
        (PORCH, ["2026-11-20T21:14:03.250"], "22:14", "Friday 20 November 2026, 22:14:03 CET (Europe/Berlin)"),
    ],
)
def test_times_are_those_of_the_users_clock(camera: Camera, moments: list[str], clock: str, when: str) -> None:
    made = message(*moments, camera=camera)
    assert made.subject.endswith(f", {clock}")
    assert f"When     {when}\n" in made.text
    assert when in made.html


PEOPLE = [("person", 0.95), ("person", 0.8), ("person", 0.6)]
CROWD = [("person", 0.9)] * 20


@pytest.mark.parametrize(
    ("seen", "headline", "facts"),
    [
        ([("person", 0.9)], "Person", "person, 90 %"),
        (PEOPLE, "3 people", "3 people, up to 95 %"),
        ([("dining table", 0.9)], "Dining table", "dining table, 90 %"),
        ([("bus", 0.9), ("bus", 0.9)], "2 buses", "2 buses, up to 90 %"),
        ([("sheep", 0.9), ("sheep", 0.7)], "2 sheep", "2 sheep, up to 90 %"),
        ([("mouse", 0.9), ("mouse", 0.7)], "2 mice", "2 mice, up to 90 %"),
        ([("person", 0.9), ("dog", 0.8)], "Person and dog", "a person, 90 %; a dog, 80 %"),
        (
            [*PEOPLE, ("dog", 0.87)],
            "3 people and a dog",
            "3 people, up to 95 %; a dog, 87 %",
        ),
        (
            [("dog", 0.9), ("person", 0.8), ("person", 0.7), ("elephant", 0.6)],
            "A dog, 2 people and an elephant",
            "a dog, 90 %; 2 people, up to 80 %; an elephant, 60 %",
        ),
        (
            [("dog", 0.9), ("person", 0.8), ("cat", 0.7), ("bird", 0.6), ("cow", 0.5)],
            "Dog, person, cat and more",
            "a dog, 90 %; a person, 80 %; a cat, 70 %; a bird, 60 %; a cow, 50 %",
        ),
        (CROWD, "16 or more people", "16 or more people, up to 90 %"),
    ],
)
def test_how_many_of_each_are_boxed_is_told(seen: list[tuple[str, float]], headline: str, facts: str) -> None:
    made = message("2026-11-20T21:14:03", seen=seen)
    assert made.subject == f"{headline} at Porch, 22:14"
    assert f"What     {facts}\n" in made.text


def test_what_only_another_picture_shows_is_told_as_well() -> None:
    made = message(
        "2026-11-20T21:14:03", "2026-11-20T21:14:10", seen=PEOPLE, then=[("person", 0.7), ("dog", 0.6), ("dog", 0.5)]
    )
    assert made.subject == "3 people and 2 dogs at Porch, 22:14"
    assert "What     3 people, up to 95 %; 2 dogs, up to 60 %\n" in made.text


@pytest.mark.parametrize(
    ("camera", "site", "where"),
    [
        (PORCH, "home", "Porch, home"),
        (PORCH, None, "Porch"),
        (PORCH, "Porch", "Porch"),
        (PORCH, "12 High St.", "Porch, 12 High St."),
    ],
)
def test_a_place_is_named_as_people_say_it(camera: Camera, site: str | None, where: str) -> None:
    made = message("2026-11-20T21:14:03", camera=camera, site=site)
    assert made.subject == f"Person at {where}, 22:14"
    assert f"Where    {where}\n" in made.text
    assert made.text.endswith("Camera alice-porch, rule 300, event 0123456789abcdef\n")


HOSTILE = """<script>alert("x")</script>{{ 7*7 }}&'"""


def test_names_from_outside_are_text() -> None:
    rules = RULES.replace("anybody", "'" + HOSTILE.replace("'", "''") + "'")
    made = message("2026-11-20T21:14:03", site=HOSTILE, rules=rules, seen=[(HOSTILE, 0.9)])
    assert HOSTILE in made.text
    assert "<script" not in made.html
    assert "&lt;script&gt;" in made.html
    assert "{{ 7*7 }}" in made.html
    assert "49 at" not in made.html
    assert "\n" not in made.subject


def test_the_rule_is_told_as_it_holds_and_by_name_when_it_is_gone() -> None:
    event, camera = about("2026-11-20T21:14:03")
    text = composed(event, camera, None).text
    assert "Rule     anybody: person from 50 %\n" in text
    gone = event.model_copy(update={"rule_id": 999})
    assert "Rule     anybody\n" in composed(gone, camera, None).text


def test_the_text_is_all_there_is_to_know() -> None:
    made = message("2026-11-20T21:14:03", "2026-11-20T21:14:33", site="home")
    assert made.text == (
        "Person at Porch, home\n"
        "Friday 20 November 2026, 22:14 CET\n"
        "\n"
        "What     person, 90 %\n"
        "Where    Porch, home\n"
        "When     Friday 20 November 2026, 22:14:03 to 22:14:33 CET (Europe/Berlin)\n"
        "Lasted   30 s\n"
        "Rule     anybody: person from 50 %\n"
        "Seen in  2 pictures, the clearest at 22:14:03\n"
        "\n"
        "Whoever runs Nightjar for you can do this:\n"
        "  Mute this camera for 8 hours\n"
        "    nightjar mute alice-porch 8h\n"
        "  It was no threat\n"
        "    nightjar review 0123456789abcdef --false-alarm\n"
        "  See all 2 pictures\n"
        "    nightjar export --format pictures --camera alice-porch --from 2026-11-20T21:14:03Z "
        "--to 2026-11-20T21:14:34Z --out pictures\n"
        "\n"
        "You get this because of a rule for Porch, home. Whoever runs Nightjar for you can change it.\n"
        "Camera alice-porch, rule 300, event 0123456789abcdef\n"
    )
    assert made.recipient == "alice@example.com"


class Visible(HTMLParser):
    """The words that a mail client shows."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("style", "title") or "display:none" in (dict(attrs).get("style") or ""):
            self._hidden.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._hidden and self._hidden[-1] == tag:
            self._hidden.pop()

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words += data.split()


@pytest.mark.parametrize("pictures", [WHOLE, Pictures(WHOLE.whole, Shown(b"far", 400, 300)), None])
@pytest.mark.parametrize("possibly_repeated", [True, False])
@pytest.mark.parametrize("site", ["home", None, HOSTILE])
def test_text_and_html_say_the_same(pictures: Pictures | None, possibly_repeated: bool, site: str | None) -> None:
    event, camera = about("2026-11-20T21:14:03", "2026-11-20T21:14:33", site=site, seen=PEOPLE)
    made = composed(event, camera, pictures, possibly_repeated=possibly_repeated)
    page = Visible()
    page.feed(made.html)
    assert page.words == made.text.split()


def test_each_picture_is_shown_once_at_its_size() -> None:
    event, camera = about("2026-11-20T21:14:03")
    both = Pictures(Shown(b"whole", 315, 560), Shown(b"far", 400, 300))
    made = composed(event, camera, both)
    names = ["alice-porch-0123456789abcdef.jpg", "alice-porch-0123456789abcdef-closeup.jpg"]
    assert [(each.content_id, each.name, each.jpeg) for each in made.pictures] == [
        ("picture", names[0], b"whole"),
        ("closeup", names[1], b"far"),
    ]
    assert made.html.count("<img") == 2
    assert '<img src="cid:picture" width="315"' in made.html
    assert '<img src="cid:closeup" width="400"' in made.html
    assert "max-width:315px" in made.html
    assert composed(event, camera, None).pictures == ()
