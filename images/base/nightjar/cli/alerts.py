"""`nightjar alerts`: the alerts of a time with their state, or all that is known of one."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from nightjar.cli.known_cameras import cameras_named, check_user
from nightjar.cli.moments import BEGINNING, END, add_range, check_range
from nightjar.errors import InputError

if TYPE_CHECKING:
    from nightjar.domain.alerts import ApiCall
    from nightjar.domain.names import Camera
    from nightjar.runtime.store import ObjectStore
    from nightjar.stores.ledger import Ledger, LedgerLine

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
    """A line of the ledger with its state in words."""

    line: "LedgerLine"
    state: str


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
        is_gone = line.alert.outbox_key is not None and not outbox.has(line.alert.outbox_key)
        return Told(line, f"{line.alert.told_state(now)}{' (no longer there)' if is_gone else ''}")

    seen = list(in_parallel(look, _keys(ledger, wanted, now), _READERS))
    told = [each for each in seen if isinstance(each, Told)]
    told.sort(key=lambda each: (each.line.alert.started_at, each.line.key))
    return told, [each for each in seen if isinstance(each, str)]


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
    for each in told:
        alert = each.line.alert
        began = _time(alert.started_at)
        rows.append((began, each.state, alert.camera.name, alert.recipient, alert.subject, alert.event_id))
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    calls = [(), *(() if each.line.alert.is_done else each.line.alert.calls for each in told)]
    for row, unfinished in zip(rows, calls, strict=True):
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        if unfinished:
            yield f"  the last answer was {_answer(unfinished[-1])[:_SHOWN_ANSWER]}"
    states = Counter(each.state for each in told)
    yield f"{len(told):,} alert{'' if len(told) == 1 else 's'}: {', '.join(f'{n:,} {s}' for s, n in states.items())}"


def _details(told: Iterable[Told]) -> Iterator[str]:
    is_any = False
    for each in told:
        alert = each.line.alert
        facts: dict[str, object] = {
            "event": alert.event_id,
            "state": f"{each.state}{', possibly repeated' if alert.possibly_repeated else ''}",
            "camera": alert.camera.name,
            "rule": alert.rule_id,
            "began": f"{_time(alert.started_at)} UTC",
            "subject": alert.subject,
            "channel": f"{alert.channel} to {alert.recipient}",
            "claimed": f"{_time(alert.claimed_at)} UTC by run {alert.run}",
            "finished": f"{_time(alert.finished_at)} UTC" if alert.finished_at else "not yet",
            "ledger": each.line.key,
            "event record": alert.event_key,
            "message": alert.outbox_key or "",
        }
        yield from ([""] if is_any else [])
        yield from (f"{name:12}  {value}" for name, value in facts.items() if value != "")
        yield from (f"{_time(call.at)} UTC  {_answer(call)}" for call in alert.calls)
        is_any = True
    if not is_any:
        yield "no alert of this event; if it became part of another one, the alert is under the event that was first"


def _answer(call: "ApiCall") -> str:
    identity = f", message {call.message_id}" if call.message_id else ""
    return f"{call.status or 'no answer'}: {call.response}".rstrip(": ") + identity


def _as_json(told: Told) -> dict[str, object]:
    """An alert for programs. The requests to the mail API are left to the ledger's line."""
    alert = told.line.alert
    fields = alert.model_dump(mode="json", by_alias=True, exclude={"calls", "schema_number", "holder", "in_flight"})
    calls = [call.model_dump(mode="json", exclude={"request"}) for call in alert.calls]
    return {**fields, "camera": alert.camera.name, "state": told.state, "ledger_key": told.line.key, "calls": calls}


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
