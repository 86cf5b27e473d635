"""Alert each event of a shard once, several at a time."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta

from nightjar.domain.alerts import DigestLine
from nightjar.domain.events import Event
from nightjar.domain.layout import DIGEST
from nightjar.domain.manifest import Counts, ObjectRef
from nightjar.domain.names import Camera
from nightjar.errors import InputError, TryAgainError, UsageError
from nightjar.runtime.manifests import read_lines, read_manifest, write_lines
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.progress import Progress
from nightjar.runtime.stage import StageContext, StageResult
from nightjar.runtime.store import ObjectStore
from nightjar.stores.rules import RulesStore
from nightjar_notify.channels.ending import stop_sending
from nightjar_notify.channels.opening import open_channels
from nightjar_notify.channels.protocol import Channels
from nightjar_notify.desk import Desk
from nightjar_notify.handled import Handled
from nightjar_notify.links import links_from_environment
from nightjar_notify.settings import load_settings
from nightjar_notify.wording.actions import Links

EVENTS = "events.jsonl"

# Threads beside those that deliver: they look up the next events and draw their pictures meanwhile.
_AHEAD = 8


def notify(context: StageContext) -> StageResult:
    """The stage as a program: settings from the environment."""
    settings, api = load_settings()
    threads = settings.mail_concurrency + _AHEAD
    with closing(open_channels(context.store, settings, api, context.clock)) as channels:
        links = links_from_environment(context.clock)
        return notify_events(context, channels, timedelta(seconds=settings.alert_max_age), threads, links)


def notify_events(
    context: StageContext, channels: Channels, max_age: timedelta, threads: int, links: Links | None = None
) -> StageResult:
    """Alert the events that the assess stage of the shard left at `context.input_prefix` through `channels`.

    Raises TryAgainError when a channel took some not yet, UsageError when one will take none; every other alert that
    could be delivered has been.
    """
    store = context.store
    release, release_ref = context.release()
    manifest, manifest_ref = read_manifest(store, context.input_prefix)
    events, events_ref = _proven(store, f"{context.input_prefix}{EVENTS}", manifest.objects)
    rules, rules_ref = RulesStore(store).load(release.rules, [event.camera for event in events])
    desk = Desk(context, channels, rules, max_age, links)
    handled = _handle_all(desk, channels, sorted(events, key=lambda e: (e.started_at, e.id)), threads)
    if refused := [each.refused for each in handled if each.refused]:
        raise UsageError(f"no alert can be sent until somebody changes something: {refused[0]}")
    if later := [each for each in handled if each.later]:
        first = next((each for each in later if each.is_traced), later[0])  # an alert that was tried says why
        raise TryAgainError(f"{len(later)} of {len(events)} alerts could not be sent yet: {first.later}")
    key = f"{context.output_prefix}{DIGEST}"
    lines = _as_first_handled(store, key, [each.digest for each in handled if each.digest])
    digest = write_lines(store, key, lines)
    outcomes = Counter(each.outcome for each in handled)
    repeated = sum(each.repeated for each in handled)
    return StageResult(
        counts=Counts(
            received=len(events),
            outcomes=dict(sorted(outcomes.items())),
            details={"possibly_repeated": repeated, "digest": len(lines)},
        ),
        inputs=(manifest_ref, events_ref, release_ref, rules_ref),
        objects=(*(ref for each in handled for ref in each.objects), digest),
        warnings=list(dict.fromkeys(warning for each in handled for warning in each.warnings)),
    )


def _as_first_handled(store: ObjectStore, key: str, lines: Sequence[DigestLine]) -> list[DigestLine]:
    """`lines` with the times at which an earlier try looked at the events, if it left them at `key`.

    How late an event came is told from these: a run that is cleared must not make it later.
    """
    if not lines:
        return []
    try:
        before = {line.event_id: line.handled_at for line in read_lines(store, key, DigestLine)[0]}
    except InputError:
        return list(lines)
    return [
        line.model_copy(update={"handled_at": first}) if (first := before.get(line.event_id)) else line
        for line in lines
    ]


def _proven(store: ObjectStore, key: str, objects: Sequence[ObjectRef]) -> tuple[list[Event], ObjectRef]:
    """The events at `key`; raises InputError unless the manifest's `objects` name exactly this content."""
    events, ref = read_lines(store, key, Event)
    if ref.sha256 not in {named.sha256 for named in objects if named.key == key}:
        raise InputError(f"expected {key!r} as its manifest names it, got SHA-256 {ref.sha256}")
    return events, ref


def _handle_all(desk: Desk, channels: Channels, events: Sequence[Event], threads: int) -> list[Handled]:
    """How each of `events` was handled, in their order; all events of a camera are handled together.

    On an error or SIGTERM nothing more is sent, and what has been sent is recorded.
    """
    by_camera: dict[Camera, list[Event]] = {}
    for event in events:
        by_camera.setdefault(event.camera, []).append(event)
    progress = Progress("cameras handled", len(by_camera))
    handled: dict[str, Handled] = {}

    def handle(camera: Camera) -> list[Handled]:
        return desk.handle(camera, by_camera[camera])

    try:
        for camera, outcomes in zip(by_camera, in_parallel(handle, by_camera, threads), strict=True):
            handled |= {event.id: each for event, each in zip(by_camera[camera], outcomes, strict=True)}
            progress.add()
    except BaseException:
        stop_sending(channels)
        raise
    return [handled[event.id] for event in events]
