"""Alert each event of a shard once, several at a time."""

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta

from nightjar.domain.alerts import DigestLine
from nightjar.domain.events import Event
from nightjar.domain.layout import DIGEST
from nightjar.domain.manifest import Counts, ObjectRef
from nightjar.errors import InputError, TryAgainError, UsageError
from nightjar.runtime.manifests import read_lines, read_manifest, write_lines
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.progress import Progress
from nightjar.runtime.stage import StageContext, StageResult
from nightjar.runtime.store import ObjectStore
from nightjar.stores.rules import RulesStore
from nightjar_notify.channels import Channel, open_channel
from nightjar_notify.desk import Desk, Handled
from nightjar_notify.pace import Pace
from nightjar_notify.settings import load_settings

EVENTS = "events.jsonl"

# Threads beside those that deliver: they look up the next events and draw their pictures meanwhile.
_AHEAD = 8
# How long a stage that has to end waits for the answers to what it has sent; less than a pod's grace period.
_DRAIN = 10.0


def notify(context: StageContext) -> StageResult:
    """The stage as a program: settings from the environment."""
    settings, api = load_settings()
    pace = Pace(settings.mail_concurrency, settings.mail_patience)
    threads = settings.mail_concurrency + _AHEAD
    with closing(open_channel(context.store, settings, api, context.clock, pace)) as channel:
        return notify_events(context, channel, pace, timedelta(seconds=settings.alert_max_age), threads)


def notify_events(context: StageContext, channel: Channel, pace: Pace, max_age: timedelta, threads: int) -> StageResult:
    """Alert the events that the assess stage of the shard left at `context.input_prefix` through `channel`.

    Raises TryAgainError when the mail API took some not yet, UsageError when it will take none; every other alert that
    could be delivered has been.
    """
    store = context.store
    release, release_ref = context.release()
    rules, rules_ref = RulesStore(store).load(release.rules)
    manifest, manifest_ref = read_manifest(store, context.input_prefix)
    events, events_ref = _proven(store, f"{context.input_prefix}{EVENTS}", manifest.objects)
    desk = Desk(context, channel, pace, rules, max_age)
    handled = _handle_all(desk, pace, sorted(events, key=lambda e: (e.started_at, e.id)), threads)
    if refused := [each.refused for each in handled if each.refused]:
        raise UsageError(
            f"the mail API refuses SENDGRID_API_KEY or NIGHTJAR_MAIL_FROM, no alert can be sent: {refused[0]}"
        )
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
        warnings=[each.warning for each in handled if each.warning],
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


def _handle_all(desk: Desk, pace: Pace, events: Sequence[Event], threads: int) -> list[Handled]:
    """`desk.handle` of each event. On an error or SIGTERM nothing more is sent, and what has been sent is recorded."""
    progress = Progress("events handled", len(events))
    handled: list[Handled] = []
    try:
        for each in in_parallel(desk.handle, events, threads):
            handled.append(each)
            progress.add()
    except BaseException:
        pace.stop("the stage is ending")
        pace.drain(_DRAIN)
        raise
    return handled
