"""All that is known of one event. Whatever cannot be read is a sentence among `problems`, beside all that can."""

from dataclasses import dataclass, field
from datetime import datetime

from nightjar.domain.events import Event, EventRef, ThreatPicture
from nightjar.domain.reactions import Mute
from nightjar.domain.release import Started
from nightjar.domain.rules import CameraRules
from nightjar.queries.event_card import EventCard
from nightjar.queries.event_pictures import Bytes, PicturePage, bytes_read, picture_at, pictures_of
from nightjar.queries.event_position import Position
from nightjar.queries.event_reviews import Word, word_about
from nightjar.queries.reactions_to import held_back
from nightjar.queries.readable import document_at, told
from nightjar.queries.rules_now import rules_now
from nightjar.stores.events import Events
from nightjar.stores.ledger import Ledger, LedgerLine
from nightjar.stores.reactions import Mutes
from nightjar.stores.runs import run_prefix, started_key
from plugins.pages.review.asked import event_search
from plugins.web.errors import NotFound
from plugins.web.world import World


@dataclass(frozen=True)
class RunOf:
    """A run that had to do with an event: its DAG, and its id in Airflow, None where that is not known any more."""

    dag_id: str
    name: str
    run_id: str | None


@dataclass(frozen=True)
class Known:
    """An event with its row in the warehouse (`card`; None before it is recorded), its alert, and more.

    `heir` is the event that has its threats by now. `shown` is the picture in front, `bytes` whether it is there.
    """

    event: Event
    card: EventCard | None
    heir: Event | None
    line: LedgerLine | None
    held: tuple[str, ...]
    word: Word
    mute: Mute | None
    camera: CameraRules | None
    shown: ThreatPicture
    bytes: Bytes
    pictures: PicturePage
    older: EventRef | None
    newer: EventRef | None
    made_by: RunOf | None
    alerted_by: RunOf | None
    problems: list[str] = field(default_factory=list)


def known_of(world: World, event: Event, at: datetime | None, since: datetime | None) -> Known:
    """All that is known of `event`; `at` is when the picture in front was taken, `since` where its pictures begin.

    Raises NotFound when it has no picture of that moment.
    """
    store, problems = world.store, list[str]()
    cards = event_search(world)
    shown = picture_at(store, event, at) if at else event.shown
    if shown is None:
        raise NotFound(f"Event {event.id} has no picture of that moment.")
    card = told(problems, lambda: cards.one(event.ref))
    place = card.position if card else Position(event.day, event.started_at, event.id)
    line = told(problems, lambda: Ledger(store).find(event))
    held: tuple[str, ...] = (card.unalerted,) if card and card.unalerted else ()  # as the run recorded it
    if not line and not held:
        held = told(problems, lambda: held_back(store, event)) or ()
    folder = f"{card.run}/" if card and card.run.count("/") == 1 else ""
    return Known(
        event=event,
        card=card,
        heir=told(problems, lambda: Events(store).current(event.camera, event.absorbed_by))
        if event.absorbed_by
        else None,
        line=line,
        held=() if line else held,
        word=word_about(store, event.ref),
        mute=told(problems, lambda: Mutes(store).get(event.camera)),
        camera=rules_now(store, [event.camera]).of(event.camera),
        shown=shown,
        bytes=bytes_read(store, shown.picture),
        pictures=told(problems, lambda: pictures_of(store, event, since)) or PicturePage(()),
        older=told(problems, lambda: cards.beside(event.camera, place, newer=False)),
        newer=told(problems, lambda: cards.beside(event.camera, place, newer=True)),
        made_by=told(problems, lambda: _run(world, folder)) if folder else None,
        alerted_by=told(problems, lambda: _run(world, _folder(line))) if line else None,
        problems=problems,
    )


def _folder(line: LedgerLine) -> str:
    """`<dag>/<run>/` of the run that sent an alert; release 0.1 left only its name."""
    parts = line.alert.holder.split("/")
    return f"{parts[1]}/{parts[2]}/" if len(parts) > 3 else f"nightjar_live/{line.alert.run}/"


def _run(world: World, folder: str) -> RunOf:
    dag_id, name, _ = folder.split("/")
    started = document_at(world.store, started_key(run_prefix(dag_id, name)), Started)
    return RunOf(dag_id, name, started.dag_run if started else None)
