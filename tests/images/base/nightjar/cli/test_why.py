"""`nightjar why`, as a program would be called: pictures, events and keys, by the rules of then and of now."""

import pytest

from nightjar.cli.main import main
from nightjar.domain.alerts import DigestLine
from nightjar.domain.layout import DIGEST
from nightjar.domain.model import ms_from_utc
from nightjar.domain.rules import Severity
from nightjar.queries.runs_of import runs_that_saw
from nightjar.runtime.manifests import write_lines, write_record
from nightjar.runtime.s3 import S3Store
from nightjar.stores.events import Events
from nightjar.stores.rules import RulesStore
from nightjar.stores.standard import standard_key
from tests.bucket import PORCH, RunWorld
from tests.images.base.nightjar.cli.trials import IN_FORCE, MAKER, an_event, at, two_days
from tests.scenes import SHARD


def why(capsys: pytest.CaptureFixture[str], name: str, code: int = 0) -> str:
    assert main(["why", name]) == code
    return "".join(capsys.readouterr())


def test_a_picture_that_alerted_nobody(s3_store: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    two_days(s3_store)
    RulesStore(s3_store).put(IN_FORCE.encode())
    seconds = ms_from_utc(at("15:00")) // 1000
    said = why(capsys, f"alice-porch-{seconds}")
    assert "dog 95 %" in said
    assert "rule 200 intruder: no threat, not-unsafe" in said
    assert "FAILED  label: asked person or car; seen dog" in said
    assert "FAILED  probability: asked at least 60 %; seen 30 %" in said
    assert "No event has this picture" in said
    assert why(capsys, f"alice-porch-{seconds}.jpg") == said
    assert why(capsys, standard_key(PORCH, at("15:00"))) == said


def test_an_event_by_the_rules_of_then_and_of_now(s3_store: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    two_days(s3_store)
    rules = RulesStore(s3_store)
    rules.put(IN_FORCE.encode())
    then = rules.freeze()
    rules.put(IN_FORCE.replace("60%", "99%").encode())
    event = an_event(rules_sha256=then.sha256)
    write_record(s3_store, Events(s3_store).key(event), event)
    said = why(capsys, event.id)
    assert f"By the rules that judged the event (SHA-256 {then.sha256[:12]})" in said
    assert "rule 200 intruder: a threat" in said
    assert "By the rules in force" in said
    assert "asked at least 99 %; seen 70 %" in said
    assert f"Event {event.id}: person up to 70 %" in said
    assert "no alert was sent about it" in said


@pytest.mark.parametrize("name", ["nothing", "alerts/2026/11/20/0123456789abcdef.json", "0123456789abcdef", "../x", ""])
def test_names_of_nothing(s3_store: S3Store, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert "expected the id of an event or a message" in why(capsys, name, 65)


@pytest.mark.parametrize(
    ("lines", "said_of_it"),
    [([], None), ([("", "muted")], "  held back: muted\n"), ([("other", "cap")], None)],
)
def test_an_event_that_was_held_back_where_there_is_no_digest(
    s3_store: S3Store, capsys: pytest.CaptureFixture[str], lines: list[tuple[str, str]], said_of_it: str | None
) -> None:
    two_days(s3_store)
    RulesStore(s3_store).put(IN_FORCE.encode())
    event = an_event()
    write_record(s3_store, Events(s3_store).key(event), event)
    key = Events(s3_store).key(event)
    held = [DigestLine.of(event, key, event.ended_at, reason, Severity.WARNING) for _, reason in lines]
    held = [
        line.model_copy(update={"event_id": other or event.id}) for line, (other, _) in zip(held, lines, strict=True)
    ]
    [run] = runs_that_saw(s3_store, MAKER, event.camera, event.ended_at)
    world = RunWorld(s3_store, run)
    world.leave("notify", SHARD, [write_lines(s3_store, f"{world.at('notify', SHARD)}{DIGEST}", held)])
    said = why(capsys, event.id)
    assert "no alert was sent about it" in said
    assert said_of_it in said if said_of_it else "held back" not in said


def test_a_picture_that_was_never_seen(s3_store: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    two_days(s3_store)
    assert "expected a picture of alice-porch" in why(capsys, "alice-porch-1763647501", 65)
