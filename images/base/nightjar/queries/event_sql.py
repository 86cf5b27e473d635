"""The SQL behind the list of events: one text for each question, and the condition that a filter makes. Pure.

Only literals of ours go into the text; whatever a person or a row says is a parameter.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from nightjar.queries.event_filter import EventFilter, Said, States, Told

# Each event with its deliveries: they are filed under its own id, or under that of an event that it absorbed.
_JOINED = """
WITH known AS (
    SELECT e.id, unnest(list_distinct(list_prepend(e.id, coalesce(e.absorbed, [])))) AS told_as
    FROM events e
    WHERE list_contains($days, e.day)
), told AS (
    SELECT
        k.id,
        list({{
            'channel': a.channel, 'recipient': a.recipient, 'state': a.state, 'severity': a.severity,
            'possibly_repeated': a.possibly_repeated
        }} ORDER BY a.claimed_at, a.id) AS deliveries,
        bool_or(a.state NOT IN ('claimed', 'failed')) AS is_done,
        max(a.severity) AS severity
    FROM known k JOIN alerts a ON a.event = k.told_as
    GROUP BY k.id
)
"""
_FROM = "FROM events e LEFT JOIN told t ON t.id = e.id WHERE list_contains($days, e.day) AND {where}"
_COLUMNS = """
SELECT e.*, t.deliveries
"""
_NEWEST = " ORDER BY e.day DESC, e.started_at DESC, e.id DESC LIMIT $most"
_AFTER = "(e.day, e.started_at, e.id) > ($at_day, $at_start, $at_id)"

CARDS = f"{_JOINED}{_COLUMNS}{_FROM} AND {{older}}{_NEWEST}"
NEWER = f"{_JOINED}SELECT least(count(*), 100) AS n {_FROM} AND {_AFTER}"
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


def condition(
    wanted: EventFilter, days: Sequence[date], rules: Sequence[int], reviewed: Sequence[str] | None
) -> tuple[str, dict[str, Any]]:
    """The condition of a filter about events of `days`, and its parameters.

    `rules` are those of the wanted severity, for events that nobody was told of. `reviewed` are the ids of events of
    which people said what is wanted, and of all that were reviewed if those without any word are wanted.
    """
    parts = [_STATES[wanted.state]]
    values: dict[str, Any] = {"days": list(days)}
    if wanted.event:
        absorbed = "len(list_filter(coalesce(e.absorbed, []), lambda each: starts_with(each, $event))) > 0"
        parts.append(f"(starts_with(e.id, $event) OR {absorbed})")
        values["event"] = wanted.event
    for column, value in (("user", wanted.user), ("camera", wanted.camera), ("rule_id", wanted.rule)):
        if value not in ("", None):
            parts.append(f'e."{column}" = ${column}')
            values[column] = value
    if wanted.label:
        parts.append("list_contains(e.labels, $label)")
        values["label"] = wanted.label
    if wanted.severity is not None:
        parts.append("coalesce(t.severity = $severity, list_contains($rules, e.rule_id))")
        values |= {"severity": str(wanted.severity), "rules": list(rules)}
    if wanted.told in set(Told):
        parts.append(f"({_TOLD[Told(wanted.told)]})")
    elif wanted.told:
        parts.append("(e.unalerted = $unalerted AND NOT coalesce(t.is_done, FALSE))")
        values["unalerted"] = wanted.told
    if wanted.review is not None:
        parts.append(f"{'NOT ' if wanted.review is Said.NOTHING else ''}list_contains($reviewed, e.id)")
        values["reviewed"] = list(reviewed or ())
    for moment, compare, name in ((wanted.start, ">=", "first"), (wanted.end, "<", "end")):
        if moment is not None:
            parts.append(f"e.started_at {compare} ${name}")
            values[name] = moment
    return " AND ".join(parts), values
