"""The words that a form may offer to choose events by: those of recent events."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from nightjar.stores.tables import EVENTS
from nightjar.stores.warehouse import Warehouse

_DAYS = 7  # with events
_MOST = 500  # of each
_FIRST_DAY = date(1970, 1, 1)
_USERS = 'SELECT DISTINCT "user" AS value FROM events ORDER BY value LIMIT $most'
_CAMERAS = "SELECT DISTINCT camera AS value FROM events ORDER BY value LIMIT $most"
_LABELS = "SELECT DISTINCT unnest(labels) AS value FROM events ORDER BY value LIMIT $most"
_RULES = "SELECT rule_id, max(rule_name) AS name FROM events GROUP BY rule_id ORDER BY rule_id LIMIT $most"


@dataclass(frozen=True)
class EventChoices:
    """Users, cameras, labels and rules (their names by id) of recent events, in order."""

    users: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    rules: Mapping[int, str] | None = None


def event_choices(warehouse: Warehouse, last: date) -> EventChoices:
    """The choices that events of the newest days up to `last` give."""
    days = warehouse.days(EVENTS, _FIRST_DAY, last)[:_DAYS]
    if not days:
        return EventChoices(rules={})
    most = {"most": _MOST}
    with warehouse.select([EVENTS], days) as selected:

        def column(sql: str) -> tuple[str, ...]:
            return tuple(row["value"] for row in selected.rows(sql, most) if row["value"])

        return EventChoices(
            users=column(_USERS),
            cameras=column(_CAMERAS),
            labels=column(_LABELS),
            rules={row["rule_id"]: row["name"] or "" for row in selected.rows(_RULES, most)},
        )
