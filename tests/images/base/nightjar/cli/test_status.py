"""`nightjar status`: what is red first, bounded in its requests, and the same for people and for programs."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nightjar.cli.main import main
from nightjar.cli.overview import HOURS_BACK, Overview, overview
from nightjar.cli.status import as_check, as_text
from nightjar.domain.batch import Claim, ReceivedVersion
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.names import Camera
from nightjar.domain.operator_troubles import DagRun, alerts_refused, run_failed, run_late
from nightjar.domain.release import Ended, FrozenRules, Release, StageRelease, Started
from nightjar.domain.troubles import Notice, Trouble
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.s3 import S3Store
from nightjar.stores.claims import Claims
from nightjar.stores.operator_signs import OperatorSigns
from nightjar.stores.rules import RulesStore
from nightjar.stores.runs import Runs
from nightjar.stores.standard import standard_key
from nightjar.stores.troubles import Troubles

NOW = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
FROZEN = FrozenRules(key="rules/x.yaml", sha256="x", source=ObjectRef(key="k", version_id="v", sha256="x", size=1))
RULES = b"""version: 1
event_gap_seconds: 60
rules:
  200: {name: intruder, unsafe: [person], min_probability: 0.6}
users:
  alice: {email: a@example.com, timezone: Europe/Berlin, rules: [200], devices: {porch: {}, yard: {}}}
"""


class Clock:
    """The time of a MemoryStore: that of its objects."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> MemoryStore:
    return MemoryStore(clock)


def deploy(store: MemoryStore | S3Store, since: datetime = NOW, **images: str) -> None:
    stages = {stage: StageRelease(image=image) for stage, image in images.items()}
    Runs(store).deploy("runs/nightjar_live/r1/", Release(run="r1", stages=stages, rules=FROZEN), since)


def begin(store: MemoryStore | S3Store, prefix: str, rules: FrozenRules = FROZEN) -> None:
    run = Runs(store).at(prefix)
    started = Started(dag_run=run.name, start="1")
    run.begin(started, lambda _: False)
    run.pin(started, lambda: Release(run=run.name, start=started.identity, stages={}, rules=rules))


def look(store: MemoryStore) -> Overview:
    return overview(store, "nightjar", NOW)


def text(store: MemoryStore) -> list[str]:
    return list(as_text(look(store)))


def test_an_empty_bucket(store: MemoryStore) -> None:
    assert text(store) == [
        "Bucket nightjar, 2026-11-20 13:05:00 UTC",
        "Red\n  config/rules.yaml is wrong: expected the rules at 'config/rules.yaml' in the bucket, found none; "
        "without good rules every run fails",
        "Nothing is deployed yet: no run has begun.",
        "No rules are in force\n  expected the rules at 'config/rules.yaml' in the bucket, found none",
        "No run has begun within a week.",
        "0 objects wait below incoming/.",
        "0 claims are open.",
        "No cameras are in the rules.",
        "No camera is in trouble.",
    ]


def test_a_trouble_of_the_deployment_is_red_and_the_worst_comes_first(store: MemoryStore) -> None:
    RulesStore(store).put(RULES)
    run = DagRun("nightjar_live", "20261120T120000Z-0123456789ab", "https://airflow.example.com/dags/…")
    Troubles(store).open(run_late(run, NOW - timedelta(minutes=20), timedelta(minutes=15), NOW))
    assert as_check(look(store))[0] == 1
    Troubles(store).open(alerts_refused(run, "stage notify ended with exit code 64: 401", NOW))
    failed = Runs(store).live("20261120T120000Z-00000000000a")
    begin(store, failed.prefix)
    failed.end(Ended(state="failed", problems=("1 task failed: record",), ended_at=NOW))
    for name in (failed.name, "20261101T000000Z-00000000000b"):  # the other one is not among the newest
        Troubles(store).open(run_failed(DagRun("nightjar_live", name), "record: x", NOW))
    seen = look(store)
    assert [red.partition(" since ")[0] for red in seen.red] == [
        "critical: Alerts cannot be sent",
        "warning: A run of nightjar_live is late",
        "warning: A run of nightjar_live failed",
        f"nightjar_live {failed.name} failed: 1 task failed: record",
    ]
    assert "20261101T000000Z-00000000000b" in seen.red[2]
    assert [each.severity for each in seen.troubles] == ["critical", "warning", "warning", "warning"]
    code, line = as_check(seen)
    assert code == 2 and line.startswith("CRITICAL: critical: Alerts cannot be sent") and "\n" not in line
    said = text(store)[2]
    assert "  critical: Alerts cannot be sent, since 2026-11-20 13:05:00 UTC, not told yet\n" in said
    assert "    https://airflow.example.com/dags/…" in said


@pytest.mark.parametrize(
    ("last", "red"),
    [
        (None, True),  # it was expected to look since the first release
        (timedelta(minutes=5), False),
        (timedelta(minutes=6), True),
    ],
)
def test_a_watch_that_does_not_look_is_red_also_when_no_patrol_has_noted_it(
    store: MemoryStore, last: timedelta | None, red: bool
) -> None:
    RulesStore(store).put(RULES)
    deploy(store, since=NOW - timedelta(minutes=10))
    if last is not None:
        OperatorSigns(store).beat(NOW - last)
    code, line = as_check(look(store))
    assert ("The watch does not look for footage since" in line, code) == (red, 2 if red else 0)


def test_the_deployed_images(store: MemoryStore) -> None:
    deploy(store, detect="localhost/nightjar/detect:1.4.0", record="localhost/nightjar/report:1.0.0")
    assert text(store)[2].splitlines() == [
        "Deployed since 2026-11-20 13:05:00 UTC, first by runs/nightjar_live/r1/",
        "  detect  localhost/nightjar/detect:1.4.0",
        "  record  localhost/nightjar/report:1.0.0",
    ]


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b'{"run": "r"}', b"\xff"])
def test_a_damaged_note_of_what_is_deployed_is_red_and_the_next_run_mends_it(
    store: MemoryStore, damaged: bytes
) -> None:
    store.put("config/deployed.json", damaged)
    [problem, _] = look(store).red
    assert problem.startswith("expected a Deployed at 'config/deployed.json': ")
    assert problem.endswith("; the next run writes it anew")
    deploy(store, detect="d:2")
    assert [red for red in look(store).red if "deployed" in red] == []


def test_rules_in_force(store: MemoryStore) -> None:
    RulesStore(store).put(RULES)
    seen = look(store)
    assert seen.red == ()
    info = store.head("config/rules.yaml")
    assert info and seen.rules.version == info.version_id
    assert seen.rules.sha256 == RulesStore(store).freeze().sha256
    assert text(store)[3].splitlines()[:2] == [
        "Rules in force: config/rules.yaml, put 2026-11-20 13:05:00 UTC, 1 rule, 1 user",
        f"  version {info.version_id}",
    ]


def test_broken_rules_are_red_while_the_last_good_ones_are_in_force(store: MemoryStore, clock: Clock) -> None:
    rules = RulesStore(store)
    rules.put(RULES)
    good = rules.freeze().sha256
    clock.now += timedelta(minutes=1)
    rules.put(RULES.replace(b"unsafe:", b"unsave:"))
    seen = look(store)
    assert (seen.rules.key, seen.rules.sha256, seen.rules.since) == ("config/rules.last-good.yaml", good, NOW)
    assert len(seen.rules.problems) == 2 and all(problem.startswith("line 4: ") for problem in seen.rules.problems)
    [red] = seen.red
    assert red.startswith("config/rules.yaml is wrong: line 4: ") and "(and 1 more)" in red
    assert red.endswith("; the last good rules are in force")


LIVE, HISTORY, REPORT = "runs/nightjar_live/", "runs/nightjar_history/", "runs/nightjar_report/"


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        (f"{LIVE}20261120T130401Z-0123456789ab/", True),  # in these ten minutes
        (f"{LIVE}20261120T120401Z-0123456789ab/", True),
        (f"{LIVE}20261120T000000Z-0123456789ab/", True),
        (f"{LIVE}20261114T235959Z-0123456789ab/", True),
        (f"{LIVE}20261113T235959Z-0123456789ab/", False),  # over a week ago
        (f"{LIVE}retry-20261120T130401Z-0123456789ab/", True),
        (f"{LIVE}retry-20261118T130401Z-0123456789ab/", True),
        (f"{HISTORY}2026-11-19/", True),
        (f"{HISTORY}2026-10-01/", True),
        (f"{HISTORY}2026-09-30/", False),
        (f"{REPORT}asset_triggered__2026-11-20T13-04-00.123456-00-00-abcdef12/", True),
        (f"{REPORT}scheduled__2026-11-20T00-05-00-00-00-abcdef12/", True),
        (f"{REPORT}scheduled__2026-11-12T00-05-00-00-00-abcdef12/", False),
    ],
)
def test_the_newest_runs_are_found_by_time(store: MemoryStore, prefix: str, found: bool) -> None:
    begin(store, prefix)
    assert [f"runs/{run.dag}/{run.name}/" for run in look(store).runs] == ([prefix] if found else [])


def test_only_the_newest_runs_are_shown_newest_first(store: MemoryStore) -> None:
    names = [f"20261120T1{hour}0000Z-0123456789ab" for hour in range(4)]
    names += [f"20261120T130{minute}00Z-0123456789ab" for minute in range(1, 5)]
    names[-1] = f"retry-{names[-1]}"
    for name in names:
        begin(store, f"{LIVE}{name}/")
    assert [run.name for run in look(store).runs] == names[:2:-1]


def test_how_a_run_ended(store: MemoryStore, clock: Clock) -> None:
    prefix = f"{LIVE}20261120T130401Z-0123456789ab/"
    run = Runs(store).at(prefix)
    begin(store, prefix, FROZEN.model_copy(update={"problem": "p", "problems": ("line 4: x",)}))
    [seen] = look(store).runs
    assert (seen.state, seen.began, seen.ended, seen.rules_problems) == ("under way", NOW, None, ("line 4: x",))
    clock.now += timedelta(seconds=30)
    run.end(Ended(state="failed", problems=("1 task failed: shard.detect_0",), ended_at=clock.now))
    [seen] = look(store).runs
    assert (seen.state, seen.ended) == ("failed", clock.now)
    assert f"nightjar_live {run.name} failed: 1 task failed: shard.detect_0" in look(store).red
    # Cleared: begun again after it ended.
    clock.now += timedelta(seconds=30)
    run.begin(Started(dag_run=run.name, start="7"), lambda _: False)
    assert [seen.state for seen in look(store).runs] == ["under way"]
    clock.now += timedelta(seconds=30)
    run.end(Ended(state="success", ended_at=clock.now))
    assert [(seen.state, seen.problems) for seen in look(store).runs] == [("success", ())]


@pytest.mark.parametrize("damaged", [b"", b"[]"])
def test_a_run_without_a_readable_end_is_told_by_its_last_manifest(store: MemoryStore, damaged: bytes) -> None:
    """As those of release 0.2, which wrote no end."""
    prefix = f"{LIVE}20261120T130401Z-0123456789ab/"
    begin(store, prefix)
    store.put(f"{prefix}record/_manifest.json", b"{}")
    assert [seen.state for seen in look(store).runs] == ["success"]
    store.put(f"{prefix}ended.json", damaged)
    assert [seen.state for seen in look(store).runs] == ["success"]


def test_a_run_that_does_not_end_is_red(store: MemoryStore, clock: Clock) -> None:
    clock.now -= timedelta(hours=3)
    begin(store, f"{LIVE}20261120T100000Z-0123456789ab/")
    assert "nightjar_live 20261120T100000Z-0123456789ab began 2026-11-20 10:05 UTC and has not ended" in look(store).red


@pytest.mark.parametrize(
    ("number", "age", "sentence", "is_red"),
    [
        (1, 30, "1 object waits below incoming/, the oldest for 30 s.", False),
        (2, 300, "2 objects wait below incoming/, the oldest for 5 minutes.", False),
        (2, 86_400 * 3, "2 objects wait below incoming/, the oldest for 3 days.", True),
        (999, 601, "999 objects wait below incoming/, the oldest for 10 minutes.", True),
        (1000, 0, "1,000 objects or more wait below incoming/, the oldest for 0 s.", False),
        (1500, 0, "1,000 objects or more wait below incoming/, the oldest for 0 s.", False),
    ],
)
def test_what_waits_is_counted_up_to_a_bound(
    store: MemoryStore, clock: Clock, number: int, age: int, sentence: str, is_red: bool
) -> None:
    RulesStore(store).put(RULES)
    clock.now -= timedelta(seconds=age)
    for each in range(number):
        store.put(f"incoming/alice-porch-{1795179900 + each}.jpg", b"x")
    assert text(store)[5] == sentence
    assert bool(look(store).red) is is_red


@pytest.mark.parametrize(("age", "is_red"), [(5, False), (601, True)])
def test_claims(store: MemoryStore, clock: Clock, age: int, is_red: bool) -> None:
    RulesStore(store).put(RULES)
    clock.now -= timedelta(seconds=age)
    claim = Claim.of([ReceivedVersion(key="incoming/a", version_id="v1", size=1, received_at=NOW)])
    Claims(store).write("scheduled__x", claim)
    store.put("claims/damaged.json", b"{")
    assert text(store)[6].startswith("2 claims are open, the oldest for ")
    assert bool(look(store).red) is is_red
    # Its live run has begun: it is only not removed yet, which the next batch does.
    begin(store, f"{LIVE}{claim.batch_id}/")
    assert look(store).claims.number == 1


def with_cameras(number: int) -> bytes:
    devices = ", ".join(f"d{each}: {{}}" for each in range(number))
    return RULES.replace(b"porch: {}, yard: {}", devices.encode())


def test_cameras_that_are_silent_come_first(store: MemoryStore) -> None:
    RulesStore(store).put(with_cameras(14))
    taken = {f"d{each}": NOW - timedelta(hours=each, minutes=3) for each in range(12)}
    taken["d12"] = NOW - timedelta(hours=HOURS_BACK + 3)  # too long ago
    for device, moment in taken.items():
        store.put(standard_key(Camera("alice", device), moment), b"x")
        store.put(standard_key(Camera("alice", device), moment - timedelta(minutes=1)), b"x")
    store.put(standard_key(Camera("mallory", "door"), NOW), b"x")  # not in the rules any more
    cameras = look(store).cameras
    assert (cameras.number, cameras.silent) == (14, 2)
    order = [f"d{each}" for each in (12, 13, 11, 10, 9, 8, 7, 6, 5, 4)]
    assert [state.camera for state in cameras.longest_silent] == [f"alice-{device}" for device in order]
    assert [state.last_picture for state in cameras.longest_silent] == [None, None, *(taken[d] for d in order[2:])]
    assert text(store)[7].splitlines()[:4] == [
        "14 cameras, 2 of them silent for 48 hours; last pictures, the 10 longest silent",
        "  alice-d12  none within 48 hours",
        "  alice-d13  none within 48 hours",
        "  alice-d11  2026-11-20 02:02:00 UTC, 11 hours ago",
    ]


def test_cameras_in_trouble_are_named_the_worst_first(store: MemoryStore) -> None:
    RulesStore(store).put(RULES)
    for number, (camera, kind, severity) in enumerate(
        (
            ("alice-yard", "silent", "warning"),
            ("alice-porch", "covered", "critical"),
            ("alice-porch", "clock", "warning"),
        )
    ):
        since = NOW - timedelta(hours=3 - number)
        Troubles(store).open(Trouble(about=camera, kind=kind, severity=severity, since=since, opened_at=NOW))
    [news] = [each for each in Troubles(store).news(9) if each.stored.trouble.kind == "covered"]
    Troubles(store).settle(news, Notice.OPENED, NOW)
    Troubles(store).open(alerts_refused(DagRun("nightjar_live", "r1"), "401", NOW))  # the operator's, not a camera's
    assert text(store)[-1].splitlines() == [
        "3 troubles of cameras",
        "  alice-porch  covered  critical  since 2026-11-20 11:05:00 UTC, 2 hours ago     told 2026-11-20 13:05:00 UTC",
        "  alice-yard   silent   warning   since 2026-11-20 10:05:00 UTC, 3 hours ago     not told yet",
        "  alice-porch  clock    warning   since 2026-11-20 12:05:00 UTC, 60 minutes ago  not told yet",
    ]
    Troubles(store).end("alice-yard", "silent", NOW)
    assert look(store).troubled.number == 2


def test_of_many_troubles_some_are_shown(store: MemoryStore) -> None:
    for number in range(25):
        about = f"alice-d{number:02}"
        Troubles(store).open(Trouble(about=about, kind="silent", severity="warning", since=NOW, opened_at=NOW))
    assert text(store)[-1].startswith(
        "25 troubles of cameras, 20 of them here: nightjar cameras --troubled\n  alice-d00"
    )


class Counting(MemoryStore):
    """Counts the requests, and what listings give."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.requests = self.listed = 0

    def list_folders(self, prefix: str) -> list[str]:
        self.requests += 1
        folders = super().list_folders(prefix)
        self.listed += len(folders)
        return folders

    def list_objects(self, prefix: str) -> Iterator[Any]:
        self.requests += 1
        return super().list_objects(prefix)

    def get(self, key: str, version_id: str | None = None) -> Any:
        self.requests += 1
        return super().get(key, version_id)


def test_the_cost_does_not_grow_with_the_past(clock: Clock) -> None:
    store = Counting(clock)
    RulesStore(store).put(with_cameras(5))
    costs = []
    for days in (1, 60):
        for day in range(days):
            moment = NOW - timedelta(days=day)
            for minute in range(0, 60, 10):
                begin(store, f"{LIVE}{moment:%Y%m%d}T12{minute:02}00Z-0123456789ab/")
            begin(store, f"{HISTORY}{moment:%Y-%m-%d}/")
            store.put(standard_key(Camera("alice", "d0"), moment), b"x")
        store.requests = store.listed = 0
        look(store)
        costs.append((store.requests, store.listed))
    assert costs[1][0] <= costs[0][0] <= 175
    assert costs[1][1] <= costs[0][1] + 62  # the days of two months


def test_the_command(s3_store: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(s3_store, detect="localhost/nightjar/detect:1.4.0")
    RulesStore(s3_store).put(RULES)
    OperatorSigns(s3_store).beat(datetime.now(UTC))
    begin(s3_store, f"{LIVE}{datetime.now(UTC):%Y%m%dT%H%M%SZ}-0123456789ab/")
    s3_store.put(standard_key(Camera("alice", "porch"), datetime.now(UTC)), b"x")
    assert main(["status"], sections=(lambda: "scheduler  RUNNING",)) == 0
    said = capsys.readouterr().out
    assert "detect:1.4.0" in said and "2 cameras, 1 of them silent" in said and "Nothing is red." in said
    assert said.endswith("scheduler  RUNNING\n")
    assert main(["status", "--check"]) == 0
    assert capsys.readouterr().out == "OK: nothing is red\n"
    assert main(["status", "--format", "json"], sections=(lambda: "scheduler  RUNNING",)) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["deployed"]["images"] == {"detect": "localhost/nightjar/detect:1.4.0"}
    assert [run["state"] for run in document["runs"]] == ["under way"]
    assert document["cameras"]["longest_silent"][0] == {"camera": "alice-yard", "last_picture": None}
    assert (document["red"], document["surroundings"]) == ([], ["scheduler  RUNNING"])
