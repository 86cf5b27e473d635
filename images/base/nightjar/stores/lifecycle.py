"""What a bucket may forget by itself: the lifecycle rules of Nightjar, and how they stand beside those of others.

Every version of footage, standard pictures, rules, results and the ledger is kept: a run is pinned to versions, and can
be run again. Documents that are rewritten all the time leave a version each time, which nobody reads but a person who
mends something.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nightjar.domain.retention import Keep
from nightjar.errors import UsageError
from nightjar.stores.detections import DETECTIONS
from nightjar.stores.digests import DIGESTS
from nightjar.stores.event_keys import EVENTS, THREATS
from nightjar.stores.footage import FOOTAGE
from nightjar.stores.ledger import ALERTS
from nightjar.stores.made_of_others import COMPARISONS, REPRODUCTIONS
from nightjar.stores.outbox import OUTBOX
from nightjar.stores.quarantine import QUARANTINE
from nightjar.stores.reactions import REVIEWS
from nightjar.stores.record_keys import RECORDS
from nightjar.stores.reports import REPORTS
from nightjar.stores.run_erasure import RUNS
from nightjar.stores.standard import STANDARD
from nightjar.stores.validations import VALIDATIONS

LOGS = "airflow-logs"  # where the chart has Airflow put the logs of tasks, unless it is told otherwise
# Rules with this prefix in their id are ours; others' are left alone.
OURS = "nightjar-"
# Rewritten in place: old versions of these serve only to mend something by hand.
REWRITTEN = ("claims/", "comparisons/", "health/", "incoming/", "journals/", "operator/", "telling/", "troubles/")
# The folders of each kind that may expire.
KINDS: Mapping[str, tuple[str, ...]] = {
    "footage": (FOOTAGE,),
    "pictures": (STANDARD,),
    "quarantine": (QUARANTINE,),
    "detections": (DETECTIONS, VALIDATIONS),
    "events": (ALERTS, DIGESTS, EVENTS, OUTBOX, REVIEWS, THREATS),
    "records": (RECORDS,),
    "reports": (REPORTS,),
    "runs": (RUNS,),
    "comparisons": (COMPARISONS,),
    "reproductions": (REPRODUCTIONS,),
}
_UNFINISHED_DAYS = 7  # an upload in parts that has not ended by then never will

Rule = Mapping[str, Any]  # as S3 has it


def lifecycle_rules(
    *, log_prefix: str, log_days: int, old_version_days: int, expire_days: Mapping[str, int] | None = None
) -> list[dict[str, Any]]:
    """The rules: task logs go after `log_days`, old versions of rewritten documents after `old_version_days`.

    `expire_days` are days after which objects below a prefix go, with all their versions. An object in the drop zone
    is never deleted by age, whatever it is: it may be footage that nobody has looked at.
    """
    logs = f"{log_prefix.strip('/')}/"
    rules = [
        _rule("unfinished-uploads", "", AbortIncompleteMultipartUpload={"DaysAfterInitiation": _UNFINISHED_DAYS}),
        _expiring("task-logs", logs, log_days),
    ]
    for prefix in REWRITTEN:
        old = {"NoncurrentVersionExpiration": {"NoncurrentDays": old_version_days}}
        if prefix not in (expire_days or {}):
            rules.append(
                _rule(f"old-{prefix.strip('/')}", prefix, **old, Expiration={"ExpiredObjectDeleteMarker": True})
            )
    for prefix, days in sorted((expire_days or {}).items()):
        rules.append(_expiring(f"expire-{prefix.strip('/').replace('/', '-')}", prefix, days))
    return rules


def folders_that_expire(keep: Keep, more: Mapping[str, int] | None = None) -> dict[str, int]:
    """The days of each folder that does not stay for good; `more` names further ones.

    Raises UsageError for a folder that both are about: one rule has to say it.
    """
    by_kind = {folder: days for kind, days in keep.expiring().items() for folder in KINDS[kind]}
    for folder in more or {}:
        if twice := [each for each in by_kind if each.startswith(folder) or folder.startswith(each)]:
            raise UsageError(f"expected days for {folder!r} once, got them for {twice[0]!r} by its kind as well")
    return {**by_kind, **(more or {})}


def renewed(there: Sequence[Rule], ours: Sequence[Rule]) -> list[Rule] | None:
    """The rules that a bucket with those that are `there` is to have; None where it has them already."""
    new = beside(ours, there)
    return None if same(new, there) else new


def beside(ours: Sequence[Rule], there: Iterable[Rule]) -> list[Rule]:
    """Our rules after those of others that are `there`; ours of before are replaced."""
    return [*(rule for rule in there if not str(rule.get("ID", "")).startswith(OURS)), *ours]


def same(ours: Iterable[Rule], there: Iterable[Rule]) -> bool:
    """Whether the rules say the same, in whichever order; servers add and leave out empty parts."""

    def key(rules: Iterable[Rule]) -> list[str]:
        return sorted(repr(sorted((k, v) for k, v in rule.items() if v not in (None, {}, ""))) for rule in rules)

    return key(ours) == key(there)


def _expiring(name: str, prefix: str, days: int) -> dict[str, Any]:
    return _rule(name, prefix, Expiration={"Days": days}, NoncurrentVersionExpiration={"NoncurrentDays": 1})


def _rule(name: str, prefix: str, **action: Any) -> dict[str, Any]:
    return {"ID": f"{OURS}{name}", "Status": "Enabled", "Filter": {"Prefix": prefix}, **action}
