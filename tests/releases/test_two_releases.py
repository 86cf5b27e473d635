"""Two releases of every stage on one bucket, forward and back: nothing is refused, and nothing is lost.

The later release has a field more in every stored document and a column more in every table.
"""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pyarrow.parquet as pq
import pytest

from nightjar.domain.alerts import Alert
from nightjar.domain.events import Event
from nightjar.domain.names import Camera
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar.stores.events import Events
from nightjar.stores.health import EndedRuns, HealthStore
from nightjar.stores.records import Records
from nightjar.stores.rules import RulesStore
from nightjar.stores.tables import PICTURES
from nightjar_local import samples
from nightjar_local.seaweedfs import S3Access, make_bucket
from tests.chain import Chain
from tests.releases.later import FIELD, make

CAMERA = Camera("bob", "counter")
RULES = b"""\
version: 1
event_gap_seconds: 60
rules:
  300: {name: anybody, unsafe: [person], min_probability: 0.5}
users:
  bob: {email: bob@example.com, timezone: America/New_York, rules: [300], devices: {counter: }}
"""
DAY = datetime.now(UTC).date() - timedelta(days=1)  # a whole day in the past, young enough to be alerted
NOON = datetime.combine(DAY, datetime.min.time(), UTC) + timedelta(hours=23, minutes=30)


def person() -> list[bytes]:
    """Pictures of somebody, each another one."""
    shots = samples.footage(NOON)
    return [one.body for one in shots if one.name.startswith("alice-porch-") and one.name.endswith(".jpg")][5:9]


@pytest.fixture(scope="module")
def chains(seaweedfs_server: S3Access, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Chain, Chain]]:
    """This release and the later one, after three runs by turns over one camera: this, the later, this again."""
    access = replace(seaweedfs_server, bucket="two-releases")
    make_bucket(access.client(), access.bucket)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in access.environment().items():
            patch.setenv(name, value)
        store = S3Store(StoreSettings())
        RulesStore(store).put(RULES)
        environment = {"NIGHTJAR_ALERT_MAX_AGE": "200000"}
        now = Chain(access, store, tag="now", environment=environment)
        later = replace(now, sources=make(tmp_path_factory.mktemp("later")), tag="later", manifests={})
        for number, (chain, body) in enumerate(zip((now, later, now), person(), strict=False)):
            moment = int(NOON.timestamp()) + 30 * number
            chain.land({f"{CAMERA.name}-{moment}.jpg": body})
            chain.live(f"watch-{number}")
            chain.patrol(f"patrol-{number}")
        yield now, later
        access.client().delete_bucket(Bucket=access.bucket)


def events(store: S3Store) -> list[Event]:
    return [event for day in (DAY, DAY + timedelta(days=1)) for event in Events(store).of_day(day)]


def rows(store: S3Store, table: str, day: date = DAY) -> list[dict[str, object]]:
    """All rows of all parts of a day, as the files hold them."""
    parts = store.list_objects(f"records/{table}/date={day.isoformat()}/")
    return [row for p in parts for row in pq.ParquetFile(io.BytesIO(store.get(p.key)[0])).read().to_pylist()]


def test_three_runs_of_two_releases_make_one_event_and_one_alert(chains: tuple[Chain, Chain]) -> None:
    store = chains[0].store
    [event] = events(store)
    assert event.picture_count == 3
    assert len(list(Events(store).pictures(event))) == 3
    [key] = [info.key for info in store.list_objects("alerts/")]
    alert = Alert.model_validate_json(store.get(key)[0])
    assert (alert.event_id, alert.state) == (event.id, "outbox")


def test_the_later_field_survives_what_the_earlier_release_rewrites(chains: tuple[Chain, Chain]) -> None:
    store = chains[0].store
    [event] = events(store)
    stored = json.loads(store.get(Events(store).key(event))[0])
    assert stored[FIELD] == "later"  # this release wrote it last
    assert stored["revision"] == 3


def test_both_releases_count_each_run_once(chains: tuple[Chain, Chain]) -> None:
    store = chains[0].store
    health = HealthStore(store).find(CAMERA)
    assert health and len(health.counted) == 3
    assert sum(number for counts in health.hours.values() for number in counts.values()) == 3
    assert health.model_extra == {FIELD: "later"}  # though this release wrote it last
    assert EndedRuns(store).waiting(9) == []


@pytest.mark.parametrize("first", ["now", "later"])
def test_history_of_either_release_goes_over_the_other_ones_day(chains: tuple[Chain, Chain], first: str) -> None:
    now, later = chains
    ordered = (now, later) if first == "now" else (later, now)
    before = events(now.store)
    for chain in ordered:
        chain.history(DAY)
        assert {m.counts.details["looked_at"] for m in chain.manifests["detect"][-1:]} == {0}
        assert chain.report(f"{first}-{chain.tag}").counts is not None
        assert len(rows(now.store, "pictures")) == 3
        assert len(rows(now.store, "events")) == 1
    assert [(e.id, e.picture_count) for e in events(now.store)] == [(e.id, e.picture_count) for e in before]
    assert len(list(now.store.list_objects("alerts/"))) == 1
    assert any(info.key.endswith("report.html") for info in now.store.list_objects("reports/"))


def test_a_column_of_the_later_release_survives_a_merge_by_the_earlier_one(chains: tuple[Chain, Chain]) -> None:
    now, later = chains
    later.history(DAY)
    assert {row[FIELD] for row in rows(now.store, "pictures")} == {"later"}
    moment = int(NOON.timestamp()) + 200
    now.land({f"{CAMERA.name}-{moment}.jpg": person()[3]})
    now.live("watch-late")
    assert Records(now.store).merge(PICTURES, DAY, most=1)
    assert [row[FIELD] for row in rows(now.store, "pictures")].count("later") == 3
    assert len(rows(now.store, "pictures")) == 4
