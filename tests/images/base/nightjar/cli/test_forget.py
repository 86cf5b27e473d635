"""`nightjar forget`: what is asked for wrongly, runs under way, what is told, old days, and logs on disk."""

import os
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from nightjar.cli.main import main
from nightjar.domain.batch import Claim, NameFields, ReceivedVersion
from nightjar.domain.forgetting import Subject, lines_without
from nightjar.domain.manifest import Manifest
from nightjar.domain.names import parse_footage_name
from nightjar.domain.release import Ended, Started
from nightjar.queries.under_way_of import LONGEST, patrols_since_before, under_way_of
from nightjar.runtime.log_files import scrub_files
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.claims import Claims
from nightjar.stores.erasures import Erasure, Erasures
from nightjar.stores.old_days import BY_AGE, BY_DAY, day_in, forget_before
from nightjar.stores.record_erasure import erase_requested
from nightjar.stores.reports import Reports
from nightjar.stores.runs import LIVE, PATROL, Runs, run_prefix
from tests.bucket import RULES
from tests.images.base.nightjar.stores.planted import everything, mentions

ALICE = Subject("alice").knowing({"porch"})
NAME = "alice-porch-1795574000.jpg"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    """The bucket of the command; no Airflow can be asked."""
    memory = MemoryStore()
    monkeypatch.setenv("NIGHTJAR_BUCKET", "bucket")
    monkeypatch.delenv("NIGHTJAR_AIRFLOW_URL", raising=False)
    monkeypatch.delenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", raising=False)
    monkeypatch.setattr("nightjar.runtime.s3.S3Store", lambda _: memory)
    return memory


def received(name: str = NAME) -> ReceivedVersion:
    at = datetime.now(UTC)
    named = NameFields.of(parse_footage_name(name))
    return ReceivedVersion(key=f"incoming/{name}", version_id="1", size=1, received_at=at, named=named)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "expected --user, --camera or --before"),
        (["--yes"], "expected --user, --camera or --before"),
        (["--user", "alice"], "expected --yes (it cannot be undone) or --dry-run"),
        (["--user", "alice", "--yes", "--dry-run"], "expected --yes (it cannot be undone) or --dry-run"),
        (["--user", "alice-porch", "--yes"], "expected <user>-<device>"),
        (["--user", "../alice", "--yes"], "expected <user>-<device>"),
        (["--user", "", "--yes"], "expected <user>-<device>"),
        (["--camera", "porch", "--yes"], "expected <user>-<device>"),
        (["--camera", "bob-shop", "--user", "alice", "--yes"], "expected a camera of alice, got bob-shop"),
        (["--user", "alice", "--before", "2026-11-20", "--yes"], "expected --user or --camera, or --before, got both"),
        (["--before", "tomorrow", "--yes"], "expected a day like 2026-11-20, got 'tomorrow'"),
        (["--before", "2999-01-01", "--yes"], "expected a day up to today, in UTC, got 2999-01-01"),
    ],
)
def test_what_is_asked_for_wrongly(
    arguments: list[str], sentence: str, store: MemoryStore, capsys: pytest.CaptureFixture[str]
) -> None:
    store.put(f"footage/2026/11/20/12/{NAME}", b"original")
    before = everything(store)
    assert main(["forget", *arguments]) == 64
    assert sentence in capsys.readouterr().err
    assert everything(store) == before


def test_a_user_is_forgotten_and_told_of(store: MemoryStore, capsys: pytest.CaptureFixture[str]) -> None:
    store.put("config/rules.yaml", RULES)
    store.put(f"footage/2026/11/20/12/{NAME}", b"original")
    store.put("footage/2026/11/20/12/bob-shop-1795574000.jpg", b"another's")
    assert main(["forget", "--user", "alice", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "would forget user alice, with porch, yard" in told
    assert "footage/: 1 version removed" in told
    assert mentions(store, "alice") != []
    assert main(["forget", "--user", "alice", "--yes"]) == 0
    assert "nothing names alice any more" in capsys.readouterr().out
    assert mentions(store, "alice") == []
    assert store.head("footage/2026/11/20/12/bob-shop-1795574000.jpg")
    before = everything(store)
    assert main(["forget", "--user", "alice", "--yes"]) == 0
    assert "nothing of alice was stored" in capsys.readouterr().out
    assert everything(store) == before


def test_pages_wait_for_the_next_report(store: MemoryStore, capsys: pytest.CaptureFixture[str]) -> None:
    Reports(store).publish(date(2026, 11, 20), b"<td>alice</td>", {})
    assert main(["forget", "--user", "alice", "--yes"]) == 75
    assert "they go with the next run of nightjar_report" in capsys.readouterr().err
    assert Erasures(store).waiting() == [Erasure(user="alice")]
    assert main(["forget", "--user", "alice", "--yes"]) == 75
    erase_requested(store)
    assert main(["forget", "--user", "alice", "--yes"]) == 0
    assert mentions(store, "alice") == []


@pytest.mark.parametrize("ended", [False, True])
def test_a_run_under_way_is_waited_for(ended: bool, store: MemoryStore, capsys: pytest.CaptureFixture[str]) -> None:
    run = Runs(store).at(run_prefix(LIVE, "20261120T120000Z-0123456789ab"))
    run.begin(Started(dag_run="1", start="1"), lambda _: False)
    store.put(f"{run.prefix}shards/alice-porch/shard.jsonl", b"")
    if ended:
        run.end(Ended(state="success", ended_at=datetime.now(UTC)))
    assert main(["forget", "--user", "alice", "--yes"]) == (0 if ended else 75)
    assert ended or "run nightjar_live/20261120T120000Z-0123456789ab works on" in capsys.readouterr().err
    assert main(["forget", "--user", "bob", "--yes"]) == 0, "another user's runs are waited for by nobody"


def test_a_claim_that_nobody_has_taken_up_is_waited_for(store: MemoryStore) -> None:
    now = datetime.now(UTC)
    Claims(store).write("watch", Claim.of([received()]))
    assert "claim watch: 1 objects of alice are collected" in under_way_of(store, ALICE, now)[0]
    assert under_way_of(store, Subject("bob"), now) == []
    assert main(["forget", "--user", "alice", "--yes", "--anyway"]) == 0
    assert mentions(store, "alice") == []


def test_a_run_that_was_stopped_long_ago_holds_nobody_up(store: MemoryStore) -> None:
    run = Runs(store).at(run_prefix(LIVE, "20261120T120000Z-0123456789ab"))
    run.begin(Started(dag_run="1", start="1"), lambda _: False)
    store.put(run.batch_key, b"no batch\n")  # nobody knows whose it is
    now = datetime.now(UTC)
    assert len(under_way_of(store, ALICE, now)) == 1
    assert under_way_of(store, ALICE, now + LONGEST + timedelta(minutes=1)) == []


def test_a_patrol_that_knows_the_rules_as_they_were_is_waited_for(store: MemoryStore) -> None:
    now = datetime.now(UTC)
    name = f"scheduled__{now:%Y-%m-%dT%H-%M-%S}"
    run = Runs(store).at(run_prefix(PATROL, name))
    run.begin(Started(dag_run="1", start="1"), lambda _: False)
    later = datetime.now(UTC) + timedelta(seconds=1)
    assert patrols_since_before(store, later, later) == [name]
    assert patrols_since_before(store, now - timedelta(minutes=1), later) == []
    run.write_manifest(Manifest(stage="tell", image="r/x:1", run=name, started_at=now, finished_at=now))
    assert patrols_since_before(store, later, later) == []


@pytest.mark.parametrize(
    ("key", "day"),
    [
        ("footage/2026/11/20/12/alice-porch-1795574000.jpg", date(2026, 11, 20)),
        ("quarantine/grey/2026/11/20/0123/object", date(2026, 11, 20)),
        ("detections/id/2026/11/20/alice-porch/day.jsonl", date(2026, 11, 20)),
        ("detections/id/model_card.json", None),
        ("records/events/date=2026-11-20/day.parquet", date(2026, 11, 20)),
        ("records/news/2026-11-20/x.json", date(2026, 11, 20)),
        ("runs/nightjar_live/20261120T120000Z-0123456789ab/release.json", date(2026, 11, 20)),
        ("runs/nightjar_live/retry-20261120T120000Z-0123456789ab/release.json", date(2026, 11, 20)),
        ("runs/nightjar_history/2026-11-20/batch.jsonl", date(2026, 11, 20)),
        ("runs/nightjar_patrol/scheduled__2026-11-20T08-15-00/tell/x.json", date(2026, 11, 20)),
        ("runs/nightjar_live/by-hand/release.json", None),
        ("alerts/notices/2026/11/20/x.json", date(2026, 11, 20)),
        ("reports/2026/02/30/report.html", None),
        ("config/rules.yaml", None),
    ],
)
def test_the_day_of_a_key(key: str, day: date | None) -> None:
    assert day_in(key) == day


def test_days_before_a_day_go_in_every_version_and_others_stay(
    store: MemoryStore, capsys: pytest.CaptureFixture[str]
) -> None:
    old = [f"{folder}x/2026/11/19/o" for folder in BY_DAY]
    young = [f"{folder}x/2026/11/20/o" for folder in BY_DAY] + ["config/rules.yaml", "mutes/alice-porch.json"]
    for key in (*old, *young):
        store.put(key, b"1")
        store.put(key, b"2")
        store.delete(key)
    for folder in BY_AGE:
        store.put(f"{folder}1/x", b"of today")
    assert main(["forget", "--before", "2026-11-20", "--dry-run"]) == 0
    assert f"{3 * len(old)} versions of days before 2026-11-20 would go" in capsys.readouterr().out
    assert main(["forget", "--before", "2026-11-20", "--yes"]) == 0
    left = {key for key, _ in everything(store)}
    assert left == {*young, *(f"{folder}1/x" for folder in BY_AGE)}
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    list(forget_before(store, tomorrow, "logs"))
    assert {key for key, _ in everything(store)} == {"config/rules.yaml", "mutes/alice-porch.json"}


def test_lines_go_from_logs_on_disk(tmp_path: Path) -> None:
    log, busy, other = (tmp_path / "run_id=1" / name for name in ("attempt=1.log", "attempt=2.log", "attempt=3.log"))
    log.parent.mkdir()
    for file in (log, busy):
        file.write_bytes(b"one\nin alice-porch.1\n\xff two\n")
    other.write_bytes(b"bob-shop\n")
    now = datetime.now(UTC)
    then = time.time() - 3600
    os.utime(log, (then, then))
    log.chmod(0o640)
    rehearsed = scrub_files(tmp_path, ALICE, now, dry_run=True)
    assert (rehearsed.changed, rehearsed.busy) == (1, 1)
    assert b"alice" in log.read_bytes()
    done = scrub_files(tmp_path, ALICE, now)
    assert (done.changed, done.busy) == (1, 1)
    assert log.read_bytes() == b"one\n\xff two\n"
    assert abs(log.stat().st_mtime - then) < 1
    assert log.stat().st_mode & 0o777 == 0o640
    assert b"alice" in busy.read_bytes(), "a log that a task writes just now"
    assert other.read_bytes() == b"bob-shop\n"
    assert sorted(file.name for file in log.parent.iterdir()) == ["attempt=1.log", "attempt=2.log", "attempt=3.log"]
    assert scrub_files(tmp_path, Subject("carol"), now).changed == 0


@pytest.mark.parametrize(
    ("log", "left"),
    [
        ("writes runs/nightjar_live/1/detect/bob-shop/x\nin bob-shop\nof all\n", "of all\n"),
        ("writes 'footage/2026/11/20/12/bob-shop-1795574000.jpg'\nshard=bob-shop\n", ""),
        ("in bob-shop\n", "in bob-shop\n"),  # nobody knows that it is a camera
        ("image r/near-seed:1 in bob-shop\n", "image r/near-seed:1 in bob-shop\n"),
        ("runs/nightjar_live/bob-shop/release.json\n", "runs/nightjar_live/bob-shop/release.json\n"),
    ],
)
def test_devices_are_learned_from_the_keys_in_a_log_when_all_else_is_erased(log: str, left: str) -> None:
    assert lines_without(Subject("bob"), log.encode()) == left.encode()
