"""`nightjar export`: the three formats, what is chosen, and what is refused."""

import argparse
import csv
import hashlib
import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image

from nightjar.cli import export
from nightjar.cli.export import CSV_COLUMNS, Wanted
from nightjar.cli.main import main
from nightjar.domain.detections import DetectedObject, Detection, DetectorRef, How, LookedAt, Mark, Picture
from nightjar.domain.names import Camera
from nightjar.errors import InputError, UsageError
from nightjar.runtime.manifests import write_lines
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectStore
from nightjar.stores.detections import Detections
from nightjar.stores.line_store import Place, RunShard
from nightjar.stores.rules import RulesStore
from nightjar.stores.standard import standard_key
from nightjar_local.seaweedfs import S3Access

RULES = b"""rules: {}
users: {alice: {email: a@example.com, timezone: UTC, devices: {porch: {}, gate: {}}}}
"""
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PORCH, YARD = Camera("alice", "porch"), Camera("alice", "yard")
DETECTOR = DetectorRef(tag="d1", model="ssdlite", sha256="ab" * 32, settings="s1")
CAT = DetectedObject(label="cat", probability=0.9, box=(0.25, 0.25, 0.5, 0.5))
DOG = DetectedObject(label="dog", probability=0.5, box=(0.0, 0.0, 1.0, 1.0))


def seen(camera: Camera, at: datetime, *objects: DetectedObject, jpeg: bytes = b"") -> Detection:
    picture = Picture(
        user=camera.user,
        device=camera.device,
        taken_at=at,
        footage_key="footage/x",
        footage_version="v1",
        standard_key=standard_key(camera, at),
        standard_sha256=hashlib.sha256(jpeg).hexdigest(),
        width=64,
        height=48,
    )
    return Detection.of(picture, DETECTOR, objects)


def keep(store: ObjectStore, lines: Iterable[Detection], run: str = "run1", tag: str = "d1") -> None:
    for line in lines:
        place = Place(tag, line.picture.camera, line.picture.taken_at.date())
        writer = RunShard(f"{run}-{line.picture.taken_at:%H%M}", "pack-0001", is_history=False)
        Detections(store).write(place, writer, [line])


def a_store() -> MemoryStore:
    store = MemoryStore()
    keep(
        store,
        [
            seen(PORCH, NOON, CAT, DOG),
            seen(PORCH, NOON + timedelta(days=1, milliseconds=250)),
            seen(YARD, NOON + timedelta(days=40), DOG),
        ],
    )
    return store


def files(out: Path) -> list[str]:
    return sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file())


def test_json_is_one_file_a_picture_by_camera(tmp_path: Path) -> None:
    done = export.export(a_store(), Wanted("d1"), "json", tmp_path / "new" / "folder")
    out = tmp_path / "new" / "folder"
    assert files(out) == ["alice-porch/1795176000.json", "alice-porch/1795262400250.json", "alice-yard/1798632000.json"]
    assert (done.pictures, done.objects) == (3, 3)
    line = json.loads((out / "alice-porch/1795176000.json").read_text())
    assert line == seen(PORCH, NOON, CAT, DOG).model_dump(mode="json", by_alias=True)
    assert line["picture"]["taken_at"] == "2026-11-20T12:00:00Z"


def test_csv_has_a_row_an_object_and_one_for_a_picture_without(tmp_path: Path) -> None:
    export.export(a_store(), Wanted("d1"), "csv", tmp_path)
    rows = list(csv.DictReader((tmp_path / "detections.csv").read_text().splitlines()))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert [(r["device"], r["label"], r["probability"], r["x_min"]) for r in rows] == [
        ("porch", "cat", "0.9", "0.25"),
        ("porch", "dog", "0.5", "0.0"),
        ("porch", "", "", ""),
        ("yard", "dog", "0.5", "0.0"),
    ]
    assert files(tmp_path) == ["detections.csv"]


def test_what_was_not_looked_at_says_so_in_every_format(tmp_path: Path) -> None:
    store = MemoryStore()
    first = seen(PORCH, NOON, CAT, jpeg=grey_jpeg())
    mark = Mark(how=How.CARRIED, sources=(LookedAt.of(first.picture),))
    second = seen(PORCH, NOON + timedelta(seconds=10), CAT, jpeg=grey_jpeg()).model_copy(update={"mark": mark})
    keep(store, [first])
    keep(store, [second], run="run2")
    for each in (first, second):
        store.put(each.picture.standard_key, grey_jpeg())
    for kind in ("json", "csv", "pictures"):
        export.export(store, Wanted("d1"), kind, tmp_path / kind)
    rows = list(csv.DictReader((tmp_path / "csv" / "detections.csv").read_text().splitlines()))
    assert [row["mark"] for row in rows] == ["", "carried"]
    looked_at, carried = (tmp_path / "json" / "alice-porch" / f"17951760{n}0.json" for n in (0, 1))
    assert "mark" not in json.loads(looked_at.read_text())
    assert json.loads(carried.read_text())["mark"]["sources"][0]["standard_key"] == first.picture.standard_key
    assert len({file.read_bytes() for file in (tmp_path / "pictures" / "alice-porch").iterdir()}) == 2, "dashed"


def grey_jpeg(level: int = 128) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (level, level, level)).save(file, "JPEG")
    return file.getvalue()


def test_pictures_have_boxes_drawn_and_those_that_were_not_seen_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    moments = [NOON + timedelta(minutes=n) for n in range(3)]
    keep(store, [seen(PORCH, at, CAT, DOG, jpeg=grey_jpeg()) for at in moments])
    store.put(standard_key(PORCH, moments[0]), grey_jpeg())
    store.put(standard_key(PORCH, moments[1]), grey_jpeg(130))
    done = export.export(store, Wanted("d1"), "pictures", tmp_path)
    assert (done.pictures, done.missing) == (1, 2)
    assert [standard_key(PORCH, at) in caplog.text for at in moments] == [False, True, True]
    assert files(tmp_path) == ["alice-porch/1795176000.jpg"]
    with Image.open(tmp_path / "alice-porch/1795176000.jpg") as drawn:
        assert drawn.size == (64, 48)
        assert len({drawn.getpixel((x, y)) for x in range(64) for y in range(48)}) > 10


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted("d1"), 3),
        (Wanted("d2"), 0),
        (Wanted("d1", start=NOON), 3),
        (Wanted("d1", start=NOON + timedelta(milliseconds=1)), 2),
        (Wanted("d1", end=NOON), 0),
        (Wanted("d1", end=NOON + timedelta(milliseconds=1)), 1),
        (Wanted("d1", start=datetime(2026, 12, 1, tzinfo=UTC), end=datetime(2027, 1, 1, tzinfo=UTC)), 1),
        (Wanted("d1", cameras=frozenset({YARD})), 1),
        (Wanted("d1", cameras=frozenset({PORCH, YARD})), 3),
        (Wanted("d1", cameras=frozenset({Camera("bob", "shop")})), 0),
    ],
)
def test_what_is_wanted(wanted: Wanted, expected: int, tmp_path: Path) -> None:
    done = export.export(a_store(), wanted, "json", tmp_path)
    assert (done.pictures, len(files(tmp_path))) == (expected, expected)


def test_the_newest_look_at_a_picture_counts(tmp_path: Path) -> None:
    moments = iter(NOON + timedelta(seconds=n) for n in range(100))
    store = MemoryStore(clock=lambda: next(moments))
    keep(store, [seen(PORCH, NOON, CAT)], run="zzz")
    keep(store, [seen(PORCH, NOON)], run="aaa")
    assert export.export(store, Wanted("d1"), "json", tmp_path).objects == 0


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_the_same_again_is_fine_and_other_content_is_refused(kind: str, tmp_path: Path) -> None:
    store = a_store()
    export.export(store, Wanted("d1"), kind, tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}
    export.export(store, Wanted("d1"), kind, tmp_path)
    keep(store, [seen(PORCH, NOON, DOG)], run="run2")
    with pytest.raises(UsageError, match="found other"):
        export.export(store, Wanted("d1"), kind, tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in files(tmp_path)} == before


def test_out_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UsageError, match="cannot write"):
        export.export(a_store(), Wanted("d1"), "json", tmp_path / "out")


def test_a_store_line_cannot_choose_its_file(tmp_path: Path) -> None:
    store = MemoryStore()
    line = seen(PORCH, NOON)
    evil = line.model_copy(update={"picture": line.picture.model_copy(update={"device": "../../etc"})})
    write_lines(store, "detections/d1/2026/11/20/alice-porch/run.jsonl", [evil])
    with pytest.raises(InputError, match="camera"):
        export.export(store, Wanted("d1"), "json", tmp_path)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-11-20", NOON.replace(hour=0), NOON.replace(day=21, hour=0)),
        ("2026-11-20T12:00", NOON, NOON),
        ("2026-11-20T12:00Z", NOON, NOON),
        ("2026-11-20T13:00+01:00", NOON, NOON),
        ("9999-12-31", datetime(9999, 12, 31, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_from_and_to_take_days_and_times(text: str, start: datetime, end: datetime) -> None:
    parser = argparse.ArgumentParser()
    export.register(parser.add_subparsers())
    given = parser.parse_args(["export", "--format", "csv", "--out", "x", "--from", text, "--to", text])
    assert (given.start, given.end) == (start, end)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--format", "csv", "--camera", "../x"], 64, "--camera"),
        (["--format", "csv", "--from", "2026-11-20T12:00", "--to", "2026-11-20T12:00"], 64, "--from before --to"),
        (["--format", "csv", "--from", "yesterday"], 64, "got 'yesterday'"),
        (["--format", "xml"], 64, "xml"),
        (["--format", "json", "--detector", "d1"], 0, "3 pictures, 3 objects by detector d1"),
        (
            ["--format", "json", "--detector", "d9"],
            64,
            "--detector: expected the id or the tag of a detector, got 'd9'",
        ),
        (["--format", "json", "--camera", "alice-porsh"], 64, "got alice-porsh: did you mean alice-porch?"),
        (["--format", "json", "--camera", "alice_porch"], 64, "got 'alice_porch': did you mean alice-porch?"),
        (["--format", "json", "--camera", "porch"], 64, "got 'porch': did you mean alice-porch?"),
        (["--format", "json", "--camera", "bob-shop", "alice-porch"], 64, "or one that has detections, got bob-shop"),
        (["--format", "json", "--camera", "alice-gate"], 0, "0 pictures"),  # in the rules, and nothing of it yet
        (["--format", "csv", "--camera", "alice-yard", "alice-porch", "--from", "2026-11-21"], 0, "2 pictures"),
        (["--format", "pictures"], 65, "3 are gone or are others"),
    ],
)
def test_the_command_over_s3(
    arguments: list[str],
    code: int,
    said: str,
    seaweedfs: S3Access,
    s3_store: ObjectStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    for name, value in seaweedfs.environment().items():
        monkeypatch.setenv(name, value)
    memory = a_store()
    for info in memory.list_objects(""):
        s3_store.put(info.key, memory.get(info.key)[0])
    RulesStore(s3_store).put(RULES)
    found = main(["export", *arguments, "--out", str(tmp_path)])
    told = capsys.readouterr()
    assert (found, said in told.out + told.err) == (code, True), told
    assert "redentials" not in told.err
