"""`nightjar evaluate`: label files and footage from the disk, detectors side by side, and what is refused."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from nightjar.cli.evaluate import Look
from nightjar.cli.main import main
from nightjar.domain.detections import DetectedObject, Detection
from nightjar.domain.detectors import PublishedDetector, detector_id
from nightjar.runtime.store import ObjectStore
from nightjar.stores.detections import Detections
from nightjar.stores.detectors import Detectors
from nightjar.stores.line_store import Place, RunShard
from nightjar_local.seaweedfs import S3Access
from tests.bucket import put_picture
from tests.scenes import DETECTOR

PERSON = {"label": "person", "probability": 0.9, "box": [0.25, 0.25, 0.5, 0.75]}
FALSE_ALARM = {"label": "person", "probability": 0.4, "box": [0.75, 0.0, 1.0, 0.25]}
ODD = "<script>alert(1)</script>"


def coco(*names: str) -> str:
    images = [{"id": n, "file_name": name, "width": 64, "height": 48} for n, name in enumerate(names)]
    annotations = [{"image_id": n, "category_id": 1, "bbox": [16, 12, 16, 24]} for n in range(len(names))]
    categories = [{"id": 1, "name": "pedestrian"}, {"id": 2, "name": ODD}]
    return json.dumps({"images": images, "annotations": annotations, "categories": categories})


def looking(found: list[dict[str, Any]]) -> tuple[Look, dict[str, list[str]]]:
    """A detector that finds the same in every picture, and the names that it was given by tag."""
    given: dict[str, list[str]] = {}

    def look(tag: str, folder: Path) -> Iterator[str]:
        yield json.dumps({"detector": tag, "labels": ["person", ODD], "min_probability": 0.1})
        for path in sorted(folder.rglob("*.jpg")):
            with Image.open(path) as image:
                width, height = image.size
            name = path.relative_to(folder).as_posix().removesuffix(".jpg")
            given.setdefault(tag, []).append(name)
            yield json.dumps({"picture": name, "width": width, "height": height, "objects": found, "seconds": 0.02})

    return look, given


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    folder = tmp_path / "footage"
    (folder / "street").mkdir(parents=True)
    picture = Image.new("RGB", (64, 48), (90, 120, 60))
    for name in ("street/one.png", "street/two.jpg", "not-labelled.jpg"):
        picture.save(folder / name)
    (folder / "street/damaged.jpg").write_bytes(b"\xff\xd8 no picture")
    with av.open(str(folder / "clip.mp4"), "w") as video:
        stream: Any = video.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        frame: Any = av.VideoFrame
        for _ in range(4):
            video.mux(stream.encode(frame.from_image(picture)))
        video.mux(stream.encode(None))
    return folder


def test_detectors_side_by_side(
    footage: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text(coco("street/one.png", "two.jpg", "street/damaged.jpg", "gone.jpg", "clip/000003.jpg"))
    other = tmp_path / "other.jsonl"
    head = {"detector": "other", "labels": ["pedestrian"], "min_probability": 0.3}
    line = {"picture": "street/one", "width": 64, "height": 48, "objects": [FALSE_ALARM | {"label": "Pedestrian"}]}
    other.write_text(f"{json.dumps(head)}\n{json.dumps(line)}\n")
    look, given = looking([PERSON, FALSE_ALARM])
    arguments = ["--labels", str(labels), "--footage", str(footage), "--detector", "near", "--detections", str(other)]
    arguments += ["--same", "person=pedestrian"]
    files = ["--json", str(tmp_path / "out.json"), "--plot", str(tmp_path / "out.svg")]
    assert main(["evaluate", *arguments, *files], look=look) == 0
    assert given == {"near": ["clip/000003", "street/one", "street/two"]}
    told = capsys.readouterr()
    assert "damaged.jpg" in caplog.text
    lines = told.out.splitlines()
    assert lines[0].startswith("COCO labels of 5 pictures")
    assert lines[3].split() == ["person", "near", "3", "1.000", "0.90", "1.000", "1.000", "1.000"]
    assert lines[4].split() == ["person", "other", "1", "0.000", "-", "-", "-", "-"]
    assert "near: not looked at, so not measured: gone, street/damaged" in told.out
    assert "near: looked at 3 labelled pictures, 20.0 ms each on this machine; tells objects from 0.1 up" in told.out
    document = json.loads((tmp_path / "out.json").read_text())
    first, second = document["detectors"]
    assert (first["mean_ap50"], second["mean_ap50"]) == (1.0, 0.0)
    assert first["scores"]["person"]["best"] == {"threshold": 0.9, "precision": 1.0, "recall": 1.0, "f1": 1.0}
    assert first["not_looked_at"] == ["gone", "street/damaged"]
    assert second["cannot_see"] == {ODD: 0}
    assert ET.parse(tmp_path / "out.svg").getroot().tag.endswith("svg")


def test_a_video_by_itself_has_the_frames_of_mot(footage: Path, tmp_path: Path) -> None:
    labels = tmp_path / "gt.txt"
    labels.write_text("2,1,17,13,16,24,1,1,1\n4,1,17,13,16,24,1,1,1\n")
    look, given = looking([PERSON])
    arguments = ["--labels", str(labels), "--footage", str(footage / "clip.mp4"), "--detector", "a", "b"]
    assert main(["evaluate", *arguments, "--every", "2"], look=look) == 0
    assert given == {"a": ["000001", "000003"], "b": ["000001", "000003"]}


def test_a_folder_of_yolo(footage: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = tmp_path / "labels"
    (labels / "street").mkdir(parents=True)
    (labels / "street/one.txt").write_text("0 0.375 0.5 0.25 0.5\n")
    (labels / "street/two.txt").write_text("")
    (labels / "data.yaml").write_text("names: {0: person, 1: car}\n")
    look, given = looking([PERSON])
    arguments = ["--labels", str(labels), "--footage", str(footage), "--detector", "near"]
    assert main(["evaluate", *arguments], look=look) == 0
    assert given == {"near": ["street/one", "street/two"]}
    out = capsys.readouterr().out
    assert out.splitlines()[3].split()[:4] == ["person", "near", "1", "0.500"]
    (labels / "data.yaml").unlink()
    (labels / "classes.txt").write_text("car\n")
    assert main(["evaluate", *arguments, "--same", "person=car"], look=look) == 0
    (labels / "classes.txt").unlink()
    assert main(["evaluate", *arguments], look=look) == 65
    assert "expected the names of YOLO's classes in or above" in capsys.readouterr().err
    (labels / "data.yaml").write_text("names: {1: person}\n")
    assert main(["evaluate", *arguments], look=look) == 65
    for text in (
        "names: [\n",
        "names: 2020-13-45",
        "names: 0b_",
        "names: !!bool x",
        "names: !!timestamp x",
        "[" * 3000,
    ):
        (labels / "data.yaml").write_text(text)
        assert main(["evaluate", *arguments], look=look) == 65
    (labels / "street/one.txt").write_bytes(b"\xff\xfe\x00")
    assert main(["evaluate", *arguments], look=look) == 65


def test_labels_in_pixels_are_about_the_pictures_before_they_were_made_smaller(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "footage").mkdir()
    Image.new("RGB", (2560, 64), (90, 120, 60)).save(tmp_path / "footage/000001.png")
    (tmp_path / "gt.txt").write_text("1,1,641,17,640,32,1,1,1\n1,2,2600,17,640,32,1,1,1\n")
    look, _ = looking([PERSON])
    arguments = ["--labels", str(tmp_path / "gt.txt"), "--footage", str(tmp_path / "footage"), "--detector", "near"]
    assert main(["evaluate", *arguments], look=look) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[3].split()[:4] == ["person", "near", "1", "1.000"]
    assert "near: labelled boxes outside of their pictures, so left out: 1 (other footage?)" in out


def test_names_from_outside_are_escaped_in_the_plot(tmp_path: Path) -> None:
    document = json.loads(coco("one.jpg"))
    document["annotations"].append({"image_id": 0, "category_id": 2, "bbox": [0, 0, 8, 8]})
    (tmp_path / "labels.json").write_text(json.dumps(document))
    lines = [{"detector": f"\x1b\0{ODD}مرحبا", "labels": [ODD], "min_probability": 0.1}]
    lines += [{"picture": "one", "width": 64, "height": 48, "objects": []}]
    (tmp_path / "d.jsonl").write_text("\n".join(map(json.dumps, lines)))
    arguments = ["--labels", str(tmp_path / "labels.json"), "--detections", str(tmp_path / "d.jsonl")]
    assert main(["evaluate", *arguments, "--plot", str(tmp_path / "p.svg")]) == 0
    text = (tmp_path / "p.svg").read_text()
    assert "<script" not in text
    assert ODD in "".join(ET.fromstring(text).itertext())


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 64, "the following arguments are required: --labels"),
        (["--labels", "L"], 64, "expected --footage or --detections, got neither"),
        (["--labels", "L", "--detections", "D", "--detector", "x"], 64, "expected --footage with --detector"),
        (["--labels", "L", "--footage", "F", "--every", "0"], 64, "expected --every 1 or more, got 0"),
        (["--labels", "L", "--footage", "F", "--plot", "x.png"], 64, "a name that ends with .svg"),
        (["--labels", "no-such-file", "--footage", "F"], 64, "expected labels at 'no-such-file': No such file"),
        (["--labels", "L", "--footage", "no-such-place"], 64, "or a prefix that begins with standard/"),
        (["--labels", "L", "--footage", "F", "--detector", "near"], 64, "this installation cannot start images"),
        (["--labels", "L", "--detections", "no-such-file"], 64, "expected detections at 'no-such-file'"),
        (["--labels", "L", "--detections", "L"], 65, "line 1 of L: expected a line with detector"),
        (["--labels", "E", "--footage", "F"], 65, "E: expected labels of MOT, COCO or YOLO, the file is empty"),
        (["--labels", "B", "--footage", "F"], 65, "expected labels as text at 'B', it is none"),
        (["--labels", "x" * 5000, "--footage", "F"], 64, "File name too long"),
        (["--labels", "L", "--footage", "x" * 5000], 64, "File name too long"),
        (["--labels", "F", "--footage", "F"], 65, "expected text files of YOLO below 'F'"),
        (["--labels", "L", "--detections", "D", "--json", "no-such-folder/x"], 64, "cannot write 'no-such-folder/x'"),
        (["--labels", "L", "--detections", "D", "--same", "person"], 64, "expected LABEL=NAME"),
        (["--labels", "L", "--detections", "O"], 65, "expected detections of labelled pictures such as 'one'"),
    ],
)
def test_what_is_refused(
    arguments: list[str],
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("F").mkdir()
    Path("L").write_text(coco("one.jpg"))
    Path("E").write_text("\n")
    Path("B").write_bytes(b"\x89PNG\xff\xfe")
    head = json.dumps({"detector": "d", "labels": ["person"], "min_probability": 0.1})
    for name, picture in (("D", "one"), ("O", "another")):
        Path(name).write_text(f"{head}\n{json.dumps({'picture': picture, 'width': 9, 'height': 9, 'objects': []})}\n")
    assert main(["evaluate", *arguments]) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "expected pictures or videos at"),
        (["other.png"], "expected labelled pictures, such as"),
        (["one.png", "one.jpg"], "expected one picture called 'one', whatever its extension, got "),
        (["one.mp4", "one.mov"], "expected one video called 'one', whatever its extension, got "),
    ],
)
def test_footage_without_labelled_pictures(
    names: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "labels.json").write_text(coco("one.jpg"))
    (tmp_path / "footage").mkdir()
    for name in names:
        file = tmp_path / "footage" / name
        if file.suffix in (".mp4", ".mov"):
            file.touch()
        else:
            Image.new("RGB", (64, 48)).save(file)
    arguments = ["--labels", str(tmp_path / "labels.json"), "--footage", str(tmp_path / "footage"), "--detector", "x"]
    assert main(["evaluate", *arguments], look=looking([])[0]) in (64, 65)
    assert said in capsys.readouterr().err


def test_a_prefix_of_the_bucket(
    seaweedfs: S3Access,
    s3_store: ObjectStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in seaweedfs.environment().items():
        monkeypatch.setenv(name, value)
    picture = put_picture(s3_store, b"not looked at here")
    line = Detection.of(picture, DETECTOR, [DetectedObject.model_validate(PERSON)])
    place = Place(detector_id(DETECTOR.sha256, DETECTOR.settings), picture.camera, picture.taken_at.date())
    Detections(s3_store).write(place, RunShard("b1", "everything", False), [line])
    Detectors(s3_store).publish("identity", PublishedDetector.of(DETECTOR, ["person"]), b"{}")
    labels = tmp_path / "labels.json"
    labels.write_text(coco(picture.standard_key))
    arguments = ["--labels", str(labels), "--footage", "standard/2026/", "--same", "person=pedestrian"]
    assert main(["evaluate", *arguments, "--detector", DETECTOR.tag]) == 0
    assert capsys.readouterr().out.splitlines()[3].split()[:4] == ["person", DETECTOR.tag, "1", "1.000"]
    assert main(["evaluate", *arguments[:3], "standard/2025/"]) == 65
