"""`nightjar alerts`: the alerts of a time with their state, or all that is known of one."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from nightjar.cli.moments import BEGINNING, END, add_range, check_range
from nightjar.domain.tally import many
from nightjar.errors import InputError
from nightjar.queries.known_cameras import cameras_named, check_user

if TYPE_CHECKING:
    from nightjar.domain.alerts import Alert, ApiCall
    from nightjar.domain.deliveries import Delivery
    from nightjar.domain.names import Camera
    from nightjar.runtime.store import ObjectStore
    from nightjar.stores.ledger import Ledger, LedgerLine
    from nightjar.stores.outbox import Outbox

_READERS = 16
_DAYS = 7  # back from now, if nobody says from when
_LONGEST = timedelta(days=100)  # a longer time is not looked up day by day
# A key names the day on which its event was made; the event may since have been known to begin a little earlier.
_ABOUT = timedelta(days=2)
_SHOWN_ANSWER = 160  # characters of the mail API's last answer in the list


@dataclass(frozen=True)
class Wanted:
    """Which alerts: of events that began from `start` up to, not including, `end`; more only where it is given.

    `event` is an event's id, or how it begins.
    """

    start: datetime = BEGINNING
    end: datetime = END
    event: str = ""
    user: str = ""
    cameras: "frozenset[Camera]" = frozenset()

    def holds(self, line: "LedgerLine") -> bool:
        """Whether the alert of `line` is wanted."""
        alert = line.alert
        return (
            self.start <= alert.started_at < self.end
            and alert.event_id.startswith(self.event)
            and self.user in ("", alert.user)
            and (not self.cameras or alert.camera in self.cameras)
        )


@dataclass(frozen=True)
class Told:
    """A line of the ledger with the states of its deliveries in words."""

    line: "LedgerLine"
    states: tuple[str, ...]

    @property
    def state(self) -> str:
        """All states; of most alerts, one."""
        return ", ".join(dict.fromkeys(self.states))

    @property
    def camera(self) -> str:
        """The camera that it is about; of a notice about none, the user."""
        alert = self.line.alert
        return alert.camera.name if alert.device else alert.user or "operator"


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `alerts` to the command line."""
    alerts = commands.add_parser(
        "alerts",
        help="who was alerted about which event, and how far it got",
        description="List alerts with their state: claimed (being sent, or to be tried again), sent, failed, uncertain "
        "(an attempt ended without knowing whether it went out; the next one says that it may be repeated) or in "
        f"outbox. Without --from and --event, those of the last {_DAYS} days, or of the {_DAYS} days up to --to; times "
        "are UTC.",
    )
    alerts.add_argument(
        "--event", default="", metavar="ID", help="all about the alert of this event; its start will do"
    )
    alerts.add_argument("--camera", nargs="+", action="extend", default=[], metavar="USER-DEVICE", help="default: all")
    alerts.add_argument("--user", default="", metavar="NAME", help="of the user's cameras")
    add_range(alerts)
    alerts.add_argument("--format", choices=("text", "json"), default="text")
    alerts.set_defaults(run=run_alerts)


def run_alerts(given: argparse.Namespace) -> int:
    """Print the alerts; returns 0, or 65 when a line of the ledger cannot be read."""
    from nightjar.runtime.s3 import S3Store
    from nightjar.runtime.settings import StoreSettings, load

    check_range(given)
    store = S3Store(load(StoreSettings))
    cameras = cameras_named(store, given.camera)
    now = datetime.now(UTC)
    start = given.start
    if start == BEGINNING and not given.event:
        start = _earlier(min(now, given.end), timedelta(days=_DAYS))
    wanted = Wanted(start, given.end, given.event, given.user, cameras)
    told, unreadable = find(store, wanted, now)
    if given.user and not told:
        check_user(store, given.user)
    if given.format == "json":
        sys.stdout.write(json.dumps([_as_json(each) for each in told], indent=1, ensure_ascii=False) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in (_details(told) if given.event else _table(told, wanted)))
    if unreadable:
        raise InputError(f"{len(unreadable)} of {len(told) + len(unreadable)} lines were left out: {unreadable[0]}")
    return 0


def find(store: "ObjectStore", wanted: Wanted, now: datetime) -> tuple[list[Told], list[str]]:
    """The alerts that are `wanted`, by the beginning of their event; and why lines of the ledger could not be read."""
    from nightjar.runtime.parallel import in_parallel
    from nightjar.stores.ledger import Ledger
    from nightjar.stores.outbox import Outbox

    ledger, outbox = Ledger(store), Outbox(store)

    def look(key: str) -> Told | str | None:
        try:
            line = ledger.read(key)
        except InputError as error:
            return str(error)
        if line is None or not wanted.holds(line):
            return None
        states = zip(line.alert.each_delivery, line.alert.told_states(now), strict=True)
        return Told(line, tuple(f"{state}{_if_gone(outbox, each)}" for each, state in states))

    seen = list(in_parallel(look, _keys(ledger, wanted, now), _READERS))
    told = [each for each in seen if isinstance(each, Told)]
    told.sort(key=lambda each: (each.line.alert.started_at, each.line.key))
    return told, [each for each in seen if isinstance(each, str)]


def _if_gone(outbox: "Outbox", delivery: "Delivery") -> str:
    is_gone = delivery.outbox_key is not None and not outbox.has(delivery.outbox_key)
    return " (no longer there)" if is_gone else ""


def _keys(ledger: "Ledger", wanted: Wanted, now: datetime) -> list[str]:
    """The keys of the lines that may be wanted."""
    last = min(wanted.end, now + _ABOUT)
    if last - wanted.start <= _LONGEST:
        keys = ledger.keys(_earlier(wanted.start, _ABOUT).date(), (last + _ABOUT).date())
    else:
        keys = ledger.keys()
    return [key for key in keys if key.rpartition("/")[2].startswith(wanted.event)]


def _earlier(moment: datetime, by: timedelta) -> datetime:
    return BEGINNING if moment - BEGINNING < by else moment - by


def _table(told: Sequence[Told], wanted: Wanted) -> Iterator[str]:
    if not told:
        since = "" if wanted.start == BEGINNING else f" of events since {_time(wanted.start)} UTC"
        yield f"no alerts{since}; events that were too old for an alert are on their day's page of the report"
        return
    rows = [("began", "state", "camera", "to", "subject", "event")]
    reasons = [""]
    for each in told:
        alert = each.line.alert
        for delivery, state in zip(alert.each_delivery, each.states, strict=True):
            to = delivery.recipient or delivery.channel
            rows.append((_time(alert.started_at), state, each.camera, to, delivery.subject, alert.event_id))
            reasons.append("" if delivery.is_done else _unfinished(alert, delivery))
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row, reason in zip(rows, reasons, strict=True):
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        if reason:
            yield f"  {reason[:_SHOWN_ANSWER]}"
    states = Counter(state for each in told for state in each.states)
    yield f"{many(len(told), 'alert')}: {', '.join(f'{n:,} {s}' for s, n in states.items())}"


def _details(told: Iterable[Told]) -> Iterator[str]:
    is_any = False
    for each in told:
        alert = each.line.alert
        facts: dict[str, object] = {
            "event": alert.event_id,
            "state": f"{each.state}{', possibly repeated' if alert.possibly_repeated else ''}",
            "kind": "" if alert.kind == "alert" else alert.kind,
            "camera": each.camera,
            "rule": alert.rule_id,
            "began": f"{_time(alert.started_at)} UTC",
            "subject": alert.subject,
            "severity": alert.severity,
            "claimed": f"{_time(alert.claimed_at)} UTC by run {alert.run}",
            "finished": f"{_time(alert.finished_at)} UTC" if alert.finished_at else "not yet",
            "ledger": each.line.key,
            "event record": alert.event_key,
        }
        yield from ([""] if is_any else [])
        yield from (f"{name:12}  {value}" for name, value in facts.items() if value != "")
        for delivery, state in zip(alert.each_delivery, each.states, strict=True):
            yield from _delivery(alert, delivery, state)
        is_any = True
    if not is_any:
        yield "no alert of this event; if it became part of another one, the alert is under the event that was first"


def _delivery(alert: "Alert", delivery: "Delivery", state: str) -> Iterator[str]:
    """One delivery and its calls."""
    parts = [str(delivery.address), state]
    parts += ["possibly repeated"] if delivery.possibly_repeated else []
    parts += [f"told with event {delivery.told_with.id}"] if delivery.told_with else []
    parts += [f"with {len(delivery.together)} more"] if delivery.together else []
    parts += [delivery.problem] if delivery.problem else []
    parts += [delivery.outbox_key] if delivery.outbox_key else []
    yield f"{'channel':12}  {', '.join(parts)}"
    yield from (f"{_time(call.at)} UTC  {_answer(call)}" for call in alert.calls_to(delivery))


def _unfinished(alert: "Alert", delivery: "Delivery") -> str:
    """Why a delivery is not done: its problem, or the last answer."""
    if delivery.problem:
        return delivery.problem
    calls = alert.calls_to(delivery)
    return f"the last answer was {_answer(calls[-1])}" if calls else ""


def _answer(call: "ApiCall") -> str:
    identity = f", message {call.message_id}" if call.message_id else ""
    return f"{call.status or 'no answer'}: {call.response}".rstrip(": ") + identity


def _as_json(told: Told) -> dict[str, object]:
    """An alert for programs. The requests to the mail API are left to the ledger's line."""
    alert = told.line.alert
    left_out = {"calls", "schema_number", "holder", "in_flight", "deliveries"}
    fields = alert.model_dump(mode="json", by_alias=True, exclude=left_out)
    calls = [call.model_dump(mode="json", exclude={"request"}) for call in alert.calls]
    deliveries = [
        {**each.model_dump(mode="json", exclude={"in_flight"}), "state": state}
        for each, state in zip(alert.each_delivery, told.states, strict=True)
    ]
    own = {"camera": told.camera, "state": told.state, "ledger_key": told.line.key}
    return {**fields, **own, "deliveries": deliveries, "calls": calls}


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
