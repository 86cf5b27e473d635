"""`nightjar status`: what is red first, and the same for people and for programs."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from nightjar.cli.main import main
from nightjar.cli.status import as_check
from nightjar.domain.batch import Claim, ReceivedVersion
from nightjar.domain.names import Camera
from nightjar.domain.operator_troubles import DagRun, alerts_refused, run_failed, run_late
from nightjar.domain.release import Ended
from nightjar.queries.deployment import deployment_state
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.s3 import S3Store
from nightjar.stores.claims import Claims
from nightjar.stores.operator_signs import OperatorSigns
from nightjar.stores.rules import RulesStore
from nightjar.stores.runs import Runs
from nightjar.stores.standard import standard_key
from nightjar.stores.troubles import Troubles
from tests.images.base.nightjar.cli.status.world import (
    LIVE,
    NOW,
    RULES,
    Clock,
    begin,
    deploy,
    look,
    text,
)


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


def test_a_damaged_trouble_is_red_beside_the_rest(store: MemoryStore) -> None:
    RulesStore(store).put(RULES)
    Troubles(store).open(run_late(DagRun("nightjar_live", "r"), NOW, timedelta(minutes=30), NOW))
    for info in list(store.list_objects("troubles/")):
        if info.key.endswith(".json"):
            store.put(info.key, b"{")
    seen = look(store)
    assert "expected a Trouble at" in seen.red[-1]
    assert (seen.troubles, seen.rules.rules) == ((), 1)


def test_rules_that_are_too_large_for_a_page_are_not_read(store: MemoryStore) -> None:
    RulesStore(store).put(RULES)
    RulesStore(store).freeze()
    RulesStore(store).put(b"users: 3")
    RulesStore(store).freeze()
    assert look(store).rules.users == 1
    seen = deployment_state(store, "nightjar", NOW, most_rules=4)
    assert (seen.rules.users, seen.cameras.number, len(seen.rules.problems)) == (0, 0, 1)
    assert seen.red[0].endswith("the last good rules are in force")


def test_rules_that_s3_does_not_give_are_red_beside_the_rest(store: MemoryStore) -> None:
    store.put("config/rules.yaml", RULES)
    store.make_unreadable("config/rules.yaml")
    deploy(store, detect="detect:1")
    seen = look(store)
    assert "without good rules every run fails" in seen.red[0]
    assert seen.deployed is not None


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
