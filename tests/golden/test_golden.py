"""Every stored object of every earlier release is read by this one, and keeps what it says when it is rewritten."""

import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from nightjar.domain.accounts import Account
from nightjar.domain.alerts import Alert, DigestLine
from nightjar.domain.batch import BatchLine, Claim, Footage
from nightjar.domain.bumps import Bump, CurrentImages, ImageDigests, PinnedRun, ReleaseRecord
from nightjar.domain.candidates import CandidateRecord, Covered, Gathered
from nightjar.domain.comparison.documents import Comparison, UserCompared
from nightjar.domain.detections import Detection, FailedPicture, ListedPicture
from nightjar.domain.detectors import PublishedDetector
from nightjar.domain.events import Event, Suppressed, Threat
from nightjar.domain.grouping import Regrouped, regroup
from nightjar.domain.journal import Journal
from nightjar.domain.manifest import Manifest
from nightjar.domain.minutes import ThreatMinute
from nightjar.domain.model import Stored
from nightjar.domain.names import Camera
from nightjar.domain.policy import Telling
from nightjar.domain.quarantine import QuarantineEntry
from nightjar.domain.reactions import Mute, Review
from nightjar.domain.release import Deployed, Ended, Release, Started
from nightjar.domain.reproduction.answer import Answer
from nightjar.domain.reproduction.request import Reproduction
from nightjar.domain.succession import Judge
from nightjar.domain.validations import Validation
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.rules import parse_rules
from nightjar.stores.camera_view import CameraView
from nightjar.stores.digests import Closing
from nightjar.stores.erasures import Erasure
from nightjar.stores.events import Events
from nightjar.stores.records import News, Records
from nightjar.stores.reports import Reports
from nightjar.stores.tables import PICTURES, TABLES
from nightjar_report.stage import report_day
from tests.later_release import COLUMN, as_later

HERE = Path(__file__).parent
RELEASES = sorted(folder.name for folder in HERE.iterdir() if re.fullmatch(r"\d+\.\d+\.\d+", folder.name))

DOCUMENTS: dict[str, type[Stored]] = {
    r"alerts/.*\.json": Alert,
    r"claims/.*\.json": Claim,
    r"closings/.*\.json": Closing,
    r"digests/\d+/.*\.json": DigestLine,
    r"mutes/.*\.json": Mute,
    r"reviews/.*\.json": Review,
    r"telling/.*\.json": Telling,
    r"events/.*\.json": Event,
    r"threats/.*\.json": ThreatMinute,
    r"journals/.*\.json": Journal,
    r"quarantine/.*/reason\.json": QuarantineEntry,
    r".*/_manifest\.json": Manifest,
    r".*/reconcile/account\.json": Account,
    r"releases/bumps/.*\.json": Bump,
    r"releases/current\.json": CurrentImages,
    r"releases/images/.*\.json": ImageDigests,
    r"releases/[0-9a-f]+/release\.json": ReleaseRecord,
    r"releases/[0-9a-f]+/runs/.*\.json": PinnedRun,
    r".*/release\.json": Release,
    r".*/started\.json": Started,
    r".*/ended\.json": Ended,
    r"config/deployed\.json": Deployed,
    r"comparisons/candidates/[^/]+/candidate\.json": CandidateRecord,
    r"comparisons/candidates/[^/]+/covered/.*\.json": Covered,
    r"comparisons/[0-9a-f]+/comparison\.json": Comparison,
    r"comparisons/[0-9a-f]+/\d+/.*\.json": UserCompared,
    r".*/gathered\.json": Gathered,
    r"detectors/.*\.json": PublishedDetector,
    r"records/news/.*\.json": News,
    r"records/erasures/.*\.json": Erasure,
    r"reproductions/[^/]+/run\.json": Reproduction,
    r"reproductions/[^/]+/answer\.json": Answer,
}
LINES: dict[str, type[Any]] = {
    r"detections/.*\.jsonl": Detection,
    r"validations/.*\.jsonl": Validation,
    r".*/batch\.jsonl": BatchLine,
    r".*/shard\.jsonl": Footage,
    r".*/pictures\.jsonl": ListedPicture,
    r".*/failures\.jsonl": FailedPicture,
    r".*/events\.jsonl": Event,
    r".*/threats\.jsonl": Threat,
    r".*/suppressed\.jsonl": Suppressed,
    r".*/digest\.jsonl": DigestLine,
}
# Read by a test of their own.
OTHERS = (r".*\.yaml", r".*/model_card\.json", r"records/.*\.parquet")


def files(release: str, *patterns: str) -> list[Path]:
    root = HERE / release
    found = [file for file in sorted(root.rglob("*")) if file.is_file()]
    return [f for f in found if any(re.fullmatch(p, f.relative_to(root).as_posix()) for p in patterns)]


def kind_of(file: Path, release: str, kinds: dict[str, type[Any]]) -> type[Any]:
    key = file.relative_to(HERE / release).as_posix()
    return next(kind for pattern, kind in kinds.items() if re.fullmatch(pattern, key))


def check(kind: type[Any], text: str | bytes) -> None:
    """It is read; with a key that only a later release knows, it is read too, and written again with that key."""
    kind.model_validate_json(text)
    later = {**json.loads(text), "a_later_key": {"of": ["a", "later", "release"]}}
    again = json.loads(kind.model_validate_json(json.dumps(later)).model_dump_json(by_alias=True))
    assert again["a_later_key"] == later["a_later_key"]
    # A stored value that this release keeps under the same name is not changed by reading it.
    scalars = {k: v for k, v in later.items() if isinstance(v, str | int | bool) and k in again and k != "schema"}
    assert scalars.items() <= again.items()


def test_there_are_golden_files() -> None:
    assert RELEASES


@pytest.mark.parametrize("release", RELEASES)
def test_no_kind_of_file_is_left_out(release: str) -> None:
    known = [*DOCUMENTS, *LINES, *OTHERS]
    assert set(files(release, ".*")) - set(files(release, *known)) == set()


@pytest.mark.parametrize("release", RELEASES)
def test_documents_are_read_and_kept(release: str) -> None:
    for file in files(release, *DOCUMENTS):
        check(kind_of(file, release, DOCUMENTS), file.read_bytes())


@pytest.mark.parametrize("release", RELEASES)
def test_lines_are_read_and_kept(release: str) -> None:
    read = set()
    for file in files(release, *LINES):
        for line in file.read_text().splitlines():
            check(kind_of(file, release, LINES), line)
            read.add(kind_of(file, release, LINES))
    assert len(read) >= 8


@pytest.mark.parametrize("release", RELEASES)
def test_rules_are_read(release: str) -> None:
    for file in files(release, r".*\.yaml"):
        assert parse_rules(file.read_bytes()).users


def bucket(release: str) -> MemoryStore:
    """A bucket as the release left it."""
    store = MemoryStore()
    for file in files(release, ".*"):
        store.put(file.relative_to(HERE / release).as_posix(), file.read_bytes())
    return store


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("camera", [Camera("alice", "yard"), Camera("carol", "garden")], ids=lambda c: c.name)
def test_a_stored_event_is_extended_and_keeps_its_id(release: str, camera: Camera) -> None:
    store = bucket(release)
    [file] = files(release, rf"events/.*/{camera.name}/.*\.json")
    old = Event.model_validate_json(file.read_bytes())
    moment = old.ended_at + timedelta(seconds=30)
    picture = old.last.picture.model_copy(update={"taken_at": moment, "standard_key": "standard/later.jpg"})
    shown = old.last.model_copy(update={"picture": picture})
    judge = Judge(camera, old.site, old.topic, old.rule_name, old.rules_sha256, timedelta(seconds=60))

    def work(view: CameraView) -> Regrouped:
        changes = regroup(judge, view.timeline(old.topic), [moment], {moment: shown}, view.number)
        view.put(old.topic, changes)
        return changes

    events = Events(store)
    changes, _ = events.change(camera, date(2026, 12, 24), work)
    [event] = {event.id: event for event in changes.homes.values()}.values()
    assert (event.id, event.picture_count, event.ended_at) == (old.id, old.picture_count + 1, moment)
    assert events.get(camera, old.ref) == event
    assert len(list(events.pictures(event))) == event.picture_count
    before = list(store.list_versions(""))
    assert events.change(camera, date(2026, 12, 24), work)[0].events == []
    assert list(store.list_versions("")) == before


@pytest.mark.parametrize("release", RELEASES)
def test_records_are_read_put_together_with_those_of_a_later_release_and_reported(release: str) -> None:
    store = bucket(release)
    records = Records(store)
    days = {
        date.fromisoformat(file.parent.name.removeprefix("date=")) for file in files(release, r"records/.*\.parquet")
    }
    for day in days:
        for table in TABLES:
            before = records.read(table, day)
            assert len(before.content) == len(before.content.rows()) > 0
            assert [p.run.startswith("nightjar_") for p in before.provenances] == [True]
            [part] = before.parts
            store.put(part.key.replace(".parquet", "-later.parquet"), as_later(part.key, store.get(part.key)[0]))
            assert records.merge(table, day, most=1)
            after = records.read(table, day)
            assert after.content.rows() == before.content.rows()
            assert None not in after.content.values(COLUMN)
        report_day(store, day, most_thumbnails=24)
        page = store.get(Reports(store).page_key(day))[0].decode()
        assert f"{len(records.read(PICTURES, day).content)} picture" in page
