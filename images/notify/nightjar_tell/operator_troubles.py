"""Tells the operator of the deployment's troubles: each once, and again when it is over.

Troubles that are no emergency go out in one message: an outage may fail many runs. An emergency has its own, since a
pager has to know it again when it is over.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from nightjar.domain.manifest import ObjectRef
from nightjar.domain.rules import Recipient, Severity
from nightjar.domain.troubles import Notice as Which
from nightjar.stores.troubles import News, Troubles
from nightjar_notify.addresses import addresses_for
from nightjar_notify.teller import tell_together
from nightjar_tell.operator_notice import operator_notice, severity_of, together
from nightjar_tell.tellers import Done, Office

log = logging.getLogger(__name__)


def messages(news: Iterable[News]) -> list[list[News]]:
    """The news of each message, those about what came up first before those about what is over."""
    groups: dict[tuple[bool, int, str], list[News]] = defaultdict(list)
    for each in sorted(news, key=lambda one: (one.stored.trouble.since, one.stored.trouble.kind)):
        trouble, severity = each.stored.trouble, severity_of(each.stored.trouble)
        alone = trouble.kind if severity is Severity.CRITICAL or trouble.due is None else ""
        groups[trouble.due is Which.ENDED, -severity.rank, alone].append(each)
    return [groups[key] for key in sorted(groups)]


def tell_operator(office: Office, news: Sequence[News]) -> Done:
    """Tell the operator of `news`, which `messages` put together, in one message."""
    troubles, operator = Troubles(office.store), office.rules.operator
    due = {each.stored.trouble.kind: (each, which) for each in news if (which := each.stored.trouble.due)}
    if not due:
        for each in news:
            troubles.drop(each)
        return Done("over-before-told")
    if operator is None:
        log.warning("%s: nobody is told, the rules name no operator", ", ".join(sorted(due)))
        for each, which in due.values():
            troubles.settle(each, which, office.now)
        return Done("no-operator")
    severity = severity_of(news[0].stored.trouble)
    if wait := waits(operator, severity, office.now):
        return Done(wait)
    notices = {
        notice.id: (notice, each, which)
        for each, which in due.values()
        for notice in [operator_notice(each.stored.trouble, which, operator)]
    }
    filed = [(notice, each.stored.trouble.opened_at.date()) for notice, each, _ in notices.values()]
    told = tell_together(office.courier, filed, addresses_for(operator, severity), together)
    objects: list[ObjectRef] = []
    for identity, (_, each, which) in notices.items():
        objects += told[identity].objects
        if told[identity].is_dealt_with:
            troubles.settle(each, which, office.now)
    # All are in one message: the first one that is not dealt with says how that went.
    first = next((each for each in told.values() if not each.is_dealt_with), next(iter(told.values())))
    return Done(first.outcome, first, tuple(dict.fromkeys(objects)))


def waits(operator: Recipient, severity: Severity, now: datetime) -> str:
    """Why the operator is not told now, as an outcome; empty when they may be. It waits for a later run."""
    if operator.mute_until is not None and now < operator.mute_until:
        return "waits:muted"
    quiet = operator.quiet_hours
    if quiet is not None and severity is not Severity.CRITICAL and quiet.holds_at(operator.local(now).time()):
        return "waits:quiet-hours"
    return ""
