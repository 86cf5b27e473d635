"""The SQL behind the list of events: one text for each question, and the condition that a filter makes. Pure.

Only literals of ours go into the text; whatever a person or a row says is a parameter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from nightjar.queries.event_filter import EventFilter, Said, States, Told

# Where the filter asks about deliveries, the events are found in few columns first, so that a busy month fits into the
# memory of queries, and all columns of those few are read after it.
_CANDIDATES = """
WITH candidates AS (
    SELECT e.id, e.day, e.started_at, e.absorbed, e.unalerted, e.rule_id FROM events e WHERE {where}
)
"""
# The deliveries of an event are filed under its own id, or under that of an event that it absorbed.
_TOLD_OF = """, known AS (
    SELECT id, id AS told_as FROM candidates
    UNION ALL SELECT id, unnest(absorbed) FROM candidates WHERE len(absorbed) > 0
), told AS (
    SELECT k.id, bool_or(a.state NOT IN ('claimed', 'failed')) AS is_done, max(a.severity) AS severity
    FROM known k JOIN alerts a ON a.event = k.told_as
    GROUP BY k.id
), wanted AS (
    SELECT e.* FROM candidates e LEFT JOIN told t ON t.id = e.id WHERE {told}
)
"""
_ALL = ", wanted AS (SELECT * FROM candidates)\n"
_NEWEST = "ORDER BY day DESC, started_at DESC, id DESC"
_ROWS = f"SELECT * FROM events e WHERE {{where}} {_NEWEST} LIMIT $most"
_ROWS_OF_WANTED = f"""
SELECT * FROM events WHERE list_contains($days, day) AND id IN (SELECT id FROM wanted {_NEWEST} LIMIT $most) {_NEWEST}
"""
_NUMBER = "SELECT least(count(*), $most) AS n FROM wanted"
_AFTER = "(e.day, e.started_at, e.id) > ($at_day, $at_start, $at_id)"
_BEFORE = "(e.day, e.started_at, e.id) < ($at_day, $at_start, $at_id)"

ROW = "SELECT * FROM rows WHERE id = $id"
DELIVERIES = """
SELECT event, channel, recipient, state, severity, possibly_repeated FROM rows
WHERE event IN (SELECT unnest($ids)) ORDER BY claimed_at, id
"""

# The camera's event next to a position, by whether that is the newer one.
NEXT = {
    True: """
SELECT id, day, event_key FROM rows e
WHERE camera = $camera AND coalesce(state, 'current') NOT IN ('withdrawn', 'absorbed')
    AND (e.day, e.started_at, e.id) > ($at_day, $at_start, $at_id)
ORDER BY e.day, e.started_at, e.id LIMIT 1
""",
    False: """
SELECT id, day, event_key FROM rows e
WHERE camera = $camera AND coalesce(state, 'current') NOT IN ('withdrawn', 'absorbed')
    AND (e.day, e.started_at, e.id) < ($at_day, $at_start, $at_id)
ORDER BY e.day DESC, e.started_at DESC, e.id DESC LIMIT 1
""",
}

_STATES = {
    States.CURRENT: "coalesce(e.state, 'current') NOT IN ('withdrawn', 'absorbed')",
    States.WITHDRAWN: "e.state = 'withdrawn'",
    States.ABSORBED: "e.state = 'absorbed'",
    States.ALL: "TRUE",
}
_TOLD = {
    Told.ALERTED: "coalesce(t.is_done, FALSE)",
    Told.HELD: "e.unalerted IS NOT NULL AND NOT coalesce(t.is_done, FALSE)",
    Told.FAILED: "t.is_done = FALSE",
    Told.NOBODY: "NOT coalesce(t.is_done, FALSE)",
}


@dataclass(frozen=True)
class Condition:
    """A filter in SQL: `where` is about events alone, `told` about their deliveries, empty where no matter."""

    where: str
    told: str
    values: Mapping[str, Any]

    def newest(self, older: bool) -> str:
        """The rows of the newest `most` events; with `older`, of those before a position."""
        if not self.told:
            return _ROWS.format(where=self._where(_BEFORE if older else "TRUE"))
        return self._wanted(_BEFORE if older else "TRUE") + _ROWS_OF_WANTED

    def number_after(self) -> str:
        """How many are after a position, at most `most`."""
        return self._wanted(_AFTER) + _NUMBER

    def _where(self, beyond: str) -> str:
        return f"list_contains($days, e.day) AND {self.where} AND {beyond}"

    def _wanted(self, beyond: str) -> str:
        told = _TOLD_OF.format(told=self.told) if self.told else _ALL
        return _CANDIDATES.format(where=self._where(beyond)) + told


def condition(
    wanted: EventFilter, days: Sequence[date], rules: Sequence[int], reviewed: Sequence[str] | None
) -> Condition:
    """The condition of a filter about events of `days`.

    `rules` are those of the wanted severity, for events that nobody was told of. `reviewed` are the ids of events of
    which people said what is wanted, and of all that were reviewed if those without any word are wanted.
    """
    where, told = [_STATES[wanted.state]], list[str]()
    values: dict[str, Any] = {"days": list(days)}
    if wanted.event:
        absorbed = "len(list_filter(coalesce(e.absorbed, []), lambda each: starts_with(each, $event))) > 0"
        where.append(f"(starts_with(e.id, $event) OR {absorbed})")
        values["event"] = wanted.event
    for column, value in (("user", wanted.user), ("camera", wanted.camera), ("rule_id", wanted.rule)):
        if value not in ("", None):
            where.append(f'e."{column}" = ${column}')
            values[column] = value
    if wanted.label:
        where.append("list_contains(e.labels, $label)")
        values["label"] = wanted.label
    if wanted.review is not None:
        where.append(f"{'NOT ' if wanted.review is Said.NOTHING else ''}list_contains($reviewed, e.id)")
        values["reviewed"] = list(reviewed or ())
    for moment, compare, name in ((wanted.start, ">=", "first"), (wanted.end, "<", "end")):
        if moment is not None:
            where.append(f"e.started_at {compare} ${name}")
            values[name] = moment
    if wanted.hour is not None:
        where.append("e.started_at < $hour_end AND e.ended_at >= $hour")
        values |= {"hour": wanted.hour, "hour_end": wanted.hour + timedelta(hours=1)}
    if wanted.severity is not None:
        told.append("coalesce(t.severity = $severity, list_contains($rules, e.rule_id))")
        values |= {"severity": str(wanted.severity), "rules": list(rules)}
    if wanted.told in set(Told):
        told.append(f"({_TOLD[Told(wanted.told)]})")
    elif wanted.told:
        told.append("(e.unalerted = $unalerted AND NOT coalesce(t.is_done, FALSE))")
        values["unalerted"] = wanted.told
    return Condition(" AND ".join(where), " AND ".join(told), values)
