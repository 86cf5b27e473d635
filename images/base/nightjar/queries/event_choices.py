"""The words that a form may offer to choose events by: those of recent events."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from nightjar.stores.tables import EVENTS
from nightjar.stores.warehouse import Warehouse

_DAYS = 7  # with events
_MOST = 500  # of each
_FIRST_DAY = date(1970, 1, 1)
_CHOICES = """
SELECT
    list_sort(list(DISTINCT "user"))[:$most] AS users,
    list_sort(list(DISTINCT camera))[:$most] AS cameras,
    list_sort(list_distinct(flatten(list(labels))))[:$most] AS labels,
    list_sort(list(DISTINCT {'id': rule_id, 'name': coalesce(rule_name, '')}))[:$most] AS rules
FROM rows
"""


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
    [found] = warehouse.rows(EVENTS, days, _CHOICES, {"most": _MOST})
    return EventChoices(
        users=tuple(found["users"] or ()),
        cameras=tuple(found["cameras"] or ()),
        labels=tuple(found["labels"] or ()),
        rules={each["id"]: each["name"] for each in found["rules"] or ()},
    )
