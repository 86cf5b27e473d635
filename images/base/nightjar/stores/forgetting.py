"""Every folder of the bucket, and how a user, or one camera, is erased from it. No other module knows them all.

The order matters where forgetting is stopped midway and begun again: which devices a user had is learned from keys, so
documents whose sentences name cameras come first, and the folders whose keys name them last.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nightjar.domain.forgetting import Subject
from nightjar.errors import InputError
from nightjar.runtime.store import ObjectMissingError, ObjectStore, VersionInfo
from nightjar.stores.claims import CLAIMS
from nightjar.stores.detections import DETECTIONS, Detections
from nightjar.stores.digests import CLOSINGS, DIGESTS, Closings, Digests
from nightjar.stores.drop_zone import INCOMING, DropZone
from nightjar.stores.erasures import Erasure, Erasures
from nightjar.stores.event_keys import EVENTS, JOURNALS, THREATS
from nightjar.stores.events import Events
from nightjar.stores.false_boxes import FALSE_BOXES, FalseBoxes
from nightjar.stores.footage import FOOTAGE, FootageStore
from nightjar.stores.health import HEALTH, HealthStore
from nightjar.stores.ledger import ALERTS, NOTICES, Ledger
from nightjar.stores.made_of_others import CANDIDATES, COMPARISONS, REPRODUCTIONS
from nightjar.stores.operator_signs import SIGNS
from nightjar.stores.outbox import OUTBOX, Outbox
from nightjar.stores.quarantine import QUARANTINE, Quarantine
from nightjar.stores.reactions import MUTES, REVIEWS, Mutes, Reviews
from nightjar.stores.record_keys import RECORDS
from nightjar.stores.record_search import has_rows
from nightjar.stores.reports import REPORTS, Reports
from nightjar.stores.rules import CHECKED_KEY, LAST_GOOD_RULES_KEY, RULES_KEY, USED_RULES
from nightjar.stores.rules_erasure import erase_from_rules, known_of
from nightjar.stores.run_erasure import RUNS, erase_from_runs
from nightjar.stores.shared_documents import NOTHING, Scrubbed, left_of, scrub, scrub_versions
from nightjar.stores.standard import STANDARD, StandardPictures
from nightjar.stores.telling import TELLING, Tellings
from nightjar.stores.troubles import TROUBLES, Troubles
from nightjar.stores.validations import VALIDATIONS, Validations

# Folders and objects that hold nothing about anybody: models, images, tags and the times of runs.
NOBODYS = ("detectors/", "releases/", "config/deployed.json")

_SUM_DEPTH = 2  # comparisons/<id>/comparison.json, and what else stands beside it
Erase = Callable[[ObjectStore, Subject], Scrubbed]


@dataclass(frozen=True)
class Step:
    """The folders, or objects, that one step of forgetting looks after."""

    folders: tuple[str, ...]
    erase: Erase

    @property
    def name(self) -> str:
        """The folders, for people."""
        return " ".join(self.folders)


@dataclass(frozen=True)
class Done:
    """The result of a step: versions that went, documents that were written anew; and why it could not do all of it."""

    name: str
    scrubbed: Scrubbed = NOTHING
    problem: str = ""


def known(store: ObjectStore, user: str, device: str | None = None) -> Subject:
    """The user, or one camera, with all devices that any key, or the rules, know. Lists the whole bucket."""
    subject = known_of(store, Subject(user, device, drop_zone=INCOMING))
    found = (subject.device_in(version.key) for version in store.list_versions(""))
    return subject.knowing(each for each in found if each)


def steps(log_prefix: str) -> tuple[Step, ...]:
    """The steps, in order; `log_prefix` is where Airflow puts the logs of tasks."""
    logs = f"{log_prefix.strip('/')}/"
    return (
        Step((RUNS,), erase_from_runs),
        Step((CLAIMS,), lambda store, subject: scrub(store, CLAIMS, subject, _left_of_claim)),
        Step((logs,), lambda store, subject: scrub(store, logs, subject)),
        Step((COMPARISONS,), _comparisons),
        Step((REPRODUCTIONS,), lambda store, subject: _folders_with(store, REPRODUCTIONS, subject)),
        Step((SIGNS,), lambda store, subject: scrub(store, SIGNS, subject)),
        Step((HEALTH,), _then(_scrubbing(HEALTH), lambda s, who: HealthStore(s).erase(who.user, who.device))),
        Step((TROUBLES,), _then(_scrubbing(TROUBLES), lambda s, who: Troubles(s).erase(who.user, who.device))),
        Step((OUTBOX,), _then(_scrubbing(OUTBOX), lambda s, who: Outbox(s).erase(who.user, who.device))),
        Step((ALERTS,), _then(_scrubbing(NOTICES), lambda s, who: Ledger(s).erase(who.user, who.device))),
        Step((RULES_KEY, LAST_GOOD_RULES_KEY, CHECKED_KEY, USED_RULES), erase_from_rules),
        Step((RECORDS, REPORTS), _warehouse),
        Step((DIGESTS,), _erasing(lambda s, who: Digests(s).erase(who.user, who.device))),
        Step((CLOSINGS,), _erasing(lambda s, who: Closings(s).erase(who.user, who.device))),
        Step((TELLING,), _erasing(lambda s, who: 0 if who.device else Tellings(s).erase(who.user))),
        Step((MUTES,), _erasing(lambda s, who: Mutes(s).erase(who.user, who.device))),
        Step((REVIEWS,), _erasing(lambda s, who: Reviews(s).erase(who.user, who.device))),
        Step((FALSE_BOXES,), _erasing(lambda s, who: FalseBoxes(s).erase(who.user, who.device))),
        Step((EVENTS, THREATS, JOURNALS), _erasing(lambda s, who: Events(s).erase(who.user, who.device))),
        Step((QUARANTINE,), _erasing(lambda s, who: Quarantine(s).erase(who.user, who.device))),
        Step((INCOMING,), _erasing(lambda s, who: DropZone(s).erase(who.user, who.device))),
        Step((VALIDATIONS,), _erasing(lambda s, who: Validations(s).erase(who.user, who.device))),
        Step((DETECTIONS,), _erasing(lambda s, who: Detections(s).erase(who.user, who.device))),
        Step((STANDARD,), _erasing(lambda s, who: StandardPictures(s).erase(who.user, who.device))),
        Step((FOOTAGE,), _erasing(lambda s, who: FootageStore(s).erase(who.user, who.device))),
    )


def forget(store: ObjectStore, subject: Subject, log_prefix: str) -> Iterator[Done]:
    """Do every step; each is told when it is done. What one cannot do stops no other.

    Doing it again removes what was written since, and finds nothing to do where nothing was.
    """
    for step in steps(log_prefix):
        try:
            yield Done(step.name, step.erase(store, subject))
        except InputError as error:
            yield Done(step.name, problem=str(error))


def left_over(store: ObjectStore, subject: Subject) -> list[str]:
    """The keys, in whatever folder, that still name it; lists the whole bucket."""
    return sorted({version.key for version in store.list_versions("") if subject.in_key(version.key)})


def _scrubbing(prefix: str) -> Erase:
    """Documents below `prefix` that others share; those of the subject alone are for the store's own `erase`."""

    def erase(store: ObjectStore, subject: Subject) -> Scrubbed:
        shared = (version for version in store.list_versions(prefix) if not subject.in_key(version.key))
        return scrub_versions(store, list(shared), subject)

    return erase


def _erasing(erase: Callable[[ObjectStore, Subject], int]) -> Erase:
    return lambda store, subject: Scrubbed(removed=erase(store, subject))


def _then(first: Erase, second: Callable[[ObjectStore, Subject], int]) -> Erase:
    return lambda store, subject: first(store, subject) + Scrubbed(removed=second(store, subject))


def _left_of_claim(subject: Subject, key: str, data: bytes) -> bytes | None:
    """A claim without the versions of `subject`; none where it was about nobody else."""
    left = left_of(subject, key, data)
    return None if left is not None and left != data and b'"versions": []' in left else left


def _warehouse(store: ObjectStore, subject: Subject) -> Scrubbed:
    """Ask the next report to erase rows and the pages that were made of them, if there are any."""
    if has_rows(store, subject.user, subject.device) or Reports(store).naming(subject.user, subject.device):
        return Scrubbed(asked=Erasures(store).ask(_erasure(subject)))
    Erasures(store).done(_erasure(subject))
    return Scrubbed()


def is_waiting(store: ObjectStore, subject: Subject) -> bool:
    """Whether rows or pages wait for the next report to erase them."""
    return Erasures(store).waits(_erasure(subject))


def _erasure(subject: Subject) -> Erasure:
    return Erasure(user=subject.user, device=subject.device)


def _comparisons(store: ObjectStore, subject: Subject) -> Scrubbed:
    """The user's days go, and the sums and pages that show them: the next comparison makes these anew. Days of other
    users stay, since nobody compares them again."""
    folders = defaultdict[str, list[VersionInfo]](list)
    others = list[VersionInfo]()
    for version in store.list_versions(COMPARISONS):
        folders["/".join(version.key.split("/")[:2])].append(version)
    removed = 0
    for versions in folders.values():
        if not any(_is_of_user(version.key, subject) or _tells(store, version, subject) for version in versions):
            continue
        for version in versions:
            is_sum = version.key.count("/") == _SUM_DEPTH and not version.key.startswith(CANDIDATES)
            if is_sum or (subject.device is None and _is_of_user(version.key, subject)):
                store.delete(version.key, version.version_id)
                removed += 1
            else:
                others.append(version)
    return Scrubbed(removed=removed) + scrub_versions(store, others, subject)


def _is_of_user(key: str, subject: Subject) -> bool:
    return not key.startswith(CANDIDATES) and key.endswith(f"/{subject.user}.json")


def _folders_with(store: ObjectStore, top: str, subject: Subject) -> Scrubbed:
    """Remove each folder below `top` in which anything is about `subject`: it can be made anew from what is left."""
    folders = defaultdict[str, list[VersionInfo]](list)
    for version in store.list_versions(top):
        folders["/".join(version.key.split("/")[:2])].append(version)
    removed = 0
    for versions in folders.values():
        if any(_tells(store, version, subject) for version in versions):
            for version in versions:
                store.delete(version.key, version.version_id)
                removed += 1
    return Scrubbed(removed=removed)


def _tells(store: ObjectStore, version: VersionInfo, subject: Subject) -> bool:
    if subject.in_key(version.key) or version.is_delete_marker:
        return subject.in_key(version.key)
    try:
        data, _ = store.get(version.key, version.version_id)
    except ObjectMissingError:
        return False
    return left_of(subject, version.key, data) != data
