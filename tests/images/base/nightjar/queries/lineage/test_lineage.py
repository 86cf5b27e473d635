"""Lineage over a bucket with one alert: down to the originals and up again, and what a question costs."""

from datetime import timedelta
from typing import Any

import pytest

from nightjar.domain.lineage.nodes import Kind, State
from nightjar.domain.manifest import TaskRef
from nightjar.errors import InputError
from nightjar.queries.lineage.answer import Question, lineage_of
from nightjar.queries.lineage.makers import of_file
from nightjar.queries.lineage.reading import Reading
from nightjar.queries.lineage.reports import PLOTS
from nightjar.queries.lineage.subjects import By
from nightjar.runtime.manifests import read_manifest, write_manifest, write_record
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.contents import Content
from nightjar.stores.runs import LIVE, Runs, run_prefix, stage_prefix
from nightjar.stores.standard import standard_key
from nightjar.stores.tables import PICTURES
from nightjar_report import plots
from nightjar_report.summary import summarise
from tests.bucket import PORCH
from tests.images.base.nightjar.queries.event_world import golden
from tests.images.base.nightjar.queries.lineage.lineage_world import (
    CHAIN,
    CLIP,
    DETECTOR_ID,
    NOW,
    OF_RULES,
    REPORTED,
    RUN,
    SHARD,
    START,
    STILL,
    WATCHED,
    Lineages,
    ask,
    kinds,
)


@pytest.mark.parametrize(
    ("name", "without"),
    [
        ("0000000000000007", ()),
        ("00000000", ()),  # how it begins
        ("alerts/2026/11/20/0000000000000007.json", ()),
        ("s3://bucket/alerts/2026/11/20/0000000000000007.json", ()),
        ("events/2026/11/20/alice-porch/0000000000000007.json", (Kind.ALERT,)),
    ],
)
def test_an_alert_down_to_the_originals(world: Lineages, name: str, without: tuple[Kind, ...]) -> None:
    found = ask(world, name)
    assert kinds(found) == {kind: n for kind, n in {**CHAIN, **OF_RULES}.items() if kind not in without}
    assert all(node.state in (State.CURRENT, State.COLLECTED) for node in found.nodes.values())
    assert all(node.version for node in found.nodes.values())


def test_each_thing_says_what_made_it(world: Lineages) -> None:
    found = ask(world, "0000000000000007")
    made = {node.kind: node.maker for node in found.nodes.values() if node.maker}
    assert {kind: (maker.stage, maker.shard) for kind, maker in made.items()} == {
        Kind.ALERT: ("notify", SHARD),
        Kind.EVENT: ("assess", SHARD),
        Kind.DETECTION: ("detect", SHARD),
        Kind.PICTURE: ("validate", SHARD),
        Kind.ORIGINAL: ("collect", ""),
    }
    assert {maker.run for maker in made.values()} == {f"nightjar_live/{RUN}", f"nightjar_watch/{WATCHED}"}
    assert (made[Kind.DETECTION].model, made[Kind.DETECTION].detector) == ("fake", DETECTOR_ID)
    assert made[Kind.EVENT].rules_sha256 == found.of_kind(Kind.RULES)[0].sha256


def test_the_try_in_airflow_is_told_where_the_manifest_has_it(world: Lineages) -> None:
    prefix = stage_prefix(run_prefix(LIVE, RUN), "detect", SHARD)
    manifest, _ = read_manifest(world.store, prefix)
    task = TaskRef(dag_id="nightjar_live", run_id="r", task_id="shard.detect", map_index=3, try_number=2, pod="p-1")
    write_manifest(world.store, prefix, manifest.model_copy(update={"task": task, "image_digest": "sha256:d"}))
    maker = ask(world, "0000000000000007").of_kind(Kind.DETECTION)[0].maker
    assert maker
    assert maker.digest == "sha256:d"
    assert maker.task == {"task": "shard.detect", "run in Airflow": "r", "map index": "3", "try": "2", "pod": "p-1"}


@pytest.mark.parametrize(
    ("name", "root", "number"),
    [
        ("alice-porch-1795176000", Kind.PICTURE, 3),
        (standard_key(PORCH, START), Kind.PICTURE, 3),
        (CLIP, Kind.ORIGINAL, 2),
        (f"detections/{DETECTOR_ID}/2026/11/20/alice-porch/{RUN}.jsonl#1795176002", Kind.DETECTION, 5),
        (f"nightjar_live/{RUN}", Kind.RUN, 7),
        (f"runs/nightjar_live/{RUN}/release.json", Kind.RUN, 7),
        (f"incoming/{STILL}", Kind.UPLOAD, 1),
    ],
)
def test_other_things_down(world: Lineages, name: str, root: Kind, number: int) -> None:
    found = ask(world, name)
    assert (found.nodes[found.root].kind, len(found.nodes)) == (root, number)


def test_a_report_and_its_plots_down_to_the_originals(world: Lineages) -> None:
    whole = {**CHAIN, **OF_RULES, Kind.REPORT: 1, Kind.ROWS: 3}
    assert kinds(ask(world, "2026-11-20")) == whole
    plot = ask(world, "reports/2026/11/20/threats_by_hour.png")
    assert kinds(plot) == {Kind.PLOT: 1, Kind.ROWS: 1, Kind.PICTURE: 3, Kind.ORIGINAL: 2, Kind.UPLOAD: 2}
    maker = plot.nodes[plot.root].maker
    assert maker
    assert maker.run == f"nightjar_report/{REPORTED}"


def test_every_plot_that_is_drawn_is_known() -> None:
    """A new plot is drawn from the pictures alone, or has to be named with its tables."""
    drawn = plots.draw(summarise(START.date(), Content.of(PICTURES, []), [], [], ()))
    assert PLOTS.keys() <= drawn.keys()
    assert set(drawn) - PLOTS.keys() == {
        "threats_by_hour.png",
        "threats_by_user.png",
        "threats_by_camera.png",
        "quarantine_by_reason.png",
    }


@pytest.mark.parametrize("name", [CLIP, f"footage/2026/11/20/12/{CLIP}", f"incoming/{CLIP}"])
def test_an_original_up_to_the_report(world: Lineages, name: str) -> None:
    found = ask(world, name, is_up=True)
    known = {Kind.PICTURE: 2, Kind.DETECTION: 2, Kind.EVENT: 1, Kind.ALERT: 1, Kind.REPORT: 1, Kind.ORIGINAL: 1}
    assert kinds(found) == known | ({Kind.UPLOAD: 1} if name.startswith("incoming/") else {})
    words = {link.word for link in found.links}
    assert {"made into", "looked at in", "lent its objects to", "part of", "told in", "listed in"} <= words


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("detect:1.0.0", Kind.DETECTION),
        ("registry.example.com/nightjar/detect:1.0.0", Kind.DETECTION),
        ("validate:1.0.0", Kind.PICTURE),
        ("collect:x", Kind.ORIGINAL),
        ("assess:1.0.0", Kind.EVENT),
    ],
)
def test_an_image_up_says_in_which_time_it_looked(world: Lineages, name: str, made: Kind) -> None:
    found = ask(world, name, is_up=True)
    runs = found.of_kind(Kind.RUN)
    assert len(runs) == 1
    assert found.nodes[found.after(runs[0].id)[0].end].kind is made
    assert "looked for in the runs of 2026-11-13 13:00 to 2026-11-20 13:00 UTC" in found.notes[0]


@pytest.mark.parametrize("tag", ["detect:2.0.0", f"sha256:{'0' * 64}"])
def test_an_image_that_nothing_used(world: Lineages, tag: str) -> None:
    assert next(iter(ask(world, tag, is_up=True).nodes.values())).kind is Kind.IMAGE
    assert len(ask(world, tag, is_up=True).nodes) == 1


def test_an_image_by_its_digest(world: Lineages) -> None:
    run = Runs(world.store).live(RUN)
    release, _ = run.release()
    digest = f"sha256:{'d' * 64}"
    stages = {**release.stages, "detect": release.stages["detect"].model_copy(update={"digest": digest})}
    write_record(world.store, run.release_key, release.model_copy(update={"stages": stages}))
    for name in (digest, f"registry.example.com/nightjar/detect:1.0.0@{digest}"):
        found = ask(world, name, is_up=True)
        assert found.nodes[found.root].title == digest
        assert kinds(found)[Kind.DETECTION] == 3


def test_runs_outside_of_the_period_are_not_looked_at(world: Lineages) -> None:
    later = ask(world, "detect:1.0.0", is_up=True, first=START + timedelta(days=1), last=START + timedelta(days=2))
    assert len(later.nodes) == 1


def test_rules_up_to_what_they_judged(world: Lineages) -> None:
    sha256 = ask(world, "0000000000000007").of_kind(Kind.RULES)[0].sha256
    found = ask(world, sha256, is_up=True)
    assert kinds(found) == {Kind.RULES: 1, Kind.RUN: 1, Kind.EVENT: 1, Kind.ALERT: 1, Kind.REPORT: 1}
    assert ask(world, sha256).nodes.keys() == ask(world, f"rules/{sha256}.yaml").nodes.keys()


def test_neighbours_are_bounded_and_counted(world: Lineages) -> None:
    found = ask(world, "0000000000000007", most=3)
    event = found.of_kind(Kind.EVENT)[0]
    assert (len(found.after(event.id)), found.left_out) == (3, {event.id: 1})
    assert ask(world, "0000000000000007", most_nodes=5).notes == ("the graph ends at 5 things",)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "nothing",
        "0123456789abcdef",
        "../../etc/passwd",
        "alerts/../x.json",
        "events/2026/11/20/alice-porch/x.json",
        "events/2026/02/30/alice-porch/x.json",
        "footage/2026/11/20/12/alice-porch-1.jpg",
        "standard/x.jpg",
        "standard/2026/11/20/12/alice-porch/9999999999999.jpg",
        "standard/2026/11/20/12/alice-porch/1795176099.jpg",
        "alice-porch-1795176099",
        "alice-porch-1795176099.jpg",
        "detections/x/2026/11/20/alice-porch/x.jsonl",
        f"detections/{DETECTOR_ID}/2026/11/20/alice-porch/{RUN}.jsonl",  # one of three pictures
        "quarantine/grey/2026/11/20/x/",
        f"quarantine/grey/2026/11/20/{'0' * 32}/",
        "records/pictures/x.parquet",
        "records/pictures/date=2026-11-20/x.parquet",
        "reports/2026/11/21/report.html",
        "2026-11-21",
        "2026-02-30",
        "f" * 64,
        f"rules/{'f' * 64}.yaml",
        "nightjar_live/unknown",
        "detect:1.0.0",  # down
        "x" * 2000,
        "a\x00b",
        "\x1b[31m",
        "alice\N{NON-BREAKING HYPHEN}porch",
    ],
)
def test_names_of_nothing_are_refused_in_words(world: Lineages, name: str) -> None:
    with pytest.raises(InputError, match="expected"):
        ask(world, name)


def test_a_beginning_that_fits_several_is_refused(world: Lineages) -> None:
    write_record(world.store, "events/2026/11/20/alice-porch/0000000000000008.json", world.event)
    with pytest.raises(InputError, match="2 begin with"):
        ask(world, "000000000000000")


def test_an_id_is_looked_for_in_the_days_that_are_named(world: Lineages) -> None:
    later = NOW + timedelta(days=60)
    with pytest.raises(InputError, match="among the events and messages of 2026-12-16 to 2027-01-20"):
        lineage_of(world.store, Question("0000000000000007"), later)
    found = lineage_of(world.store, Question("0000000000000007", first=START, last=START), later)
    assert found.nodes[found.root].kind is Kind.ALERT


class Counting:
    """A store that counts what is asked of it, and notes what is listed."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.calls, self.listed = 0, list[str]()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def counted(key: str, *more: Any, **options: Any) -> Any:
            self.calls += 1
            if name.startswith("list_"):
                self.listed.append(key)
            return method(key, *more, **options)

        return counted


@pytest.mark.parametrize(("name", "is_up"), [("alerts/2026/11/20/0000000000000007.json", False), (CLIP, True)])
def test_a_question_costs_what_it_needs_however_much_is_stored(world: Lineages, name: str, is_up: bool) -> None:
    def cost() -> Counting:
        store = Counting(world.store)
        lineage_of(store, Question(name, is_up=is_up), NOW)
        return store

    before = cost()
    for n in range(200):  # other cameras, days and runs
        world.store.put(f"detections/{DETECTOR_ID}/2026/11/19/bob-shop/{n}.jsonl", b"")
        world.store.put(f"events/2026/11/{n % 28 + 1:02d}/bob-shop/{n:016x}.json", b"{}")
        world.store.put(f"runs/nightjar_live/20261119T{n % 24:02d}0000Z-{n:012x}/release.json", b"{}")
    after_all = cost()
    assert after_all.calls == before.calls < 90
    few = ("detections/", "validations/", "comparisons/", "reproductions/")  # folders that people make, by hand
    assert not [prefix for prefix in after_all.listed if prefix.count("/") < 2 and prefix not in few]


@pytest.mark.parametrize("release", ["0.1.0", "0.2.0"])
def test_buckets_of_earlier_releases_are_answered(release: str) -> None:
    store = golden(release)
    keys = [
        info.key for folder in ("events/", "alerts/", "footage/", "standard/") for info in store.list_objects(folder)
    ]
    assert keys
    for key in keys:
        for is_up in (False, True):
            found = lineage_of(store, Question(key, is_up=is_up), NOW)
            assert found.nodes[found.root].key == key


@pytest.mark.parametrize(
    ("name", "run", "part"),
    [
        (f"{RUN}.jsonl", f"nightjar_live/{RUN}", ""),
        (f"{RUN}.2.jsonl", f"nightjar_live/{RUN}", "2"),
        ("2026-11-20.jsonl", "nightjar_history/2026-11-20", ""),
        (f"{REPORTED}.jsonl", f"nightjar_candidate/{REPORTED}", ""),  # its name has a dot of its own
        (f"{REPORTED}.12.jsonl", f"nightjar_candidate/{REPORTED}", "12"),
        ("day.jsonl", "", ""),
    ],
)
def test_the_file_of_lines_names_its_run(name: str, run: str, part: str) -> None:
    store = MemoryStore()
    shard = f"{SHARD}.{part}" if part else SHARD
    store.put(f"runs/{run}/shards/{shard}/shard.jsonl", b"")
    by = of_file(Reading(store), f"detections/d/2026/11/20/alice-porch/{name}", PORCH, "detect")
    assert by == By(f"runs/{run}/" if run else "", "detect", shard if run else "")


def test_an_object_that_cannot_be_read_leaves_the_rest_there(world: Lineages) -> None:
    world.store.put(f"reviews/2026/11/20/{world.event.id}.json", b"[1]")
    event = ask(world, world.event_key, is_up=True)
    assert kinds(event)[Kind.ALERT] == 1
    assert "more cannot be read: expected a Review" in event.nodes[event.root].notes[0]
