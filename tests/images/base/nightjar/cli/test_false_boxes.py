"""`nightjar rules false-boxes`: find, review, confirm, list and remove, as a program would be called."""

from datetime import timedelta
from pathlib import Path

import pytest

from nightjar.cli.main import main
from nightjar.runtime.s3 import S3Store
from nightjar.stores.false_boxes import FalseBoxes
from nightjar.stores.rules import RulesStore
from tests.bucket import PORCH
from tests.images.base.nightjar.cli.trials import IN_FORCE, at, leave, seen

BUSH = (0.1, 0.3, 0.25, 0.9)
DAYS = 4


@pytest.fixture
def bush(s3_store: S3Store) -> S3Store:
    """A bush that is a person at each dusk, and somebody who walks."""
    RulesStore(s3_store).put(IN_FORCE.encode())
    detections = []
    for day in range(DAYS):
        detections += [
            seen(s3_store, PORCH, at("16:40", day) + timedelta(seconds=n), ("person", 0.7, BUSH)) for n in range(2)
        ]
        x = 0.3 + 0.1 * day
        detections.append(seen(s3_store, PORCH, at("12:00", day), ("person", 0.9, (x, 0.3, x + 0.1, 0.9))))
        detections.append(seen(s3_store, PORCH, at("13:00", day), ("person", 0.2, (0.7, 0.7, 0.9, 0.9))))
    leave(s3_store, detections)
    return s3_store


FIND = ["rules", "false-boxes", "find", "--from", "2026-11-20", "--to", "2026-11-23"]


def test_from_the_sheet_to_the_store(bush: S3Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = tmp_path / "sheet"
    file = sheet / "false-boxes.yaml"
    assert main([*FIND, "--out", str(sheet)]) == 0
    assert "1 place to review" in capsys.readouterr().out
    text = file.read_text()
    assert text.count("confirmed: no") == 1
    assert "# 1: 4 of 4 days, 2026-11-20 to 2026-11-23, 17:40 to 17:40" in text  # on the user's clock
    page = (sheet / "index.html").read_text()
    assert "1: person at alice-porch" in page

    assert main(["rules", "false-boxes", "confirm", str(file)]) == 0
    assert "0 places confirmed" in capsys.readouterr().out
    assert FalseBoxes(bush).of(PORCH) == ()

    file.write_text(text.replace("confirmed: no", "confirmed: yes"))
    for number in (1, 0):  # a second time changes nothing
        assert main(["rules", "false-boxes", "confirm", str(file)]) == 0
        assert f"{number} place{'' if number == 1 else 's'} confirmed" in capsys.readouterr().out
    [box] = FalseBoxes(bush).of(PORCH)
    assert (box.label, box.box, box.overlap) == ("person", BUSH, 0.8)

    assert main(["rules", "false-boxes", "list"]) == 0
    assert "alice-porch  1  person" in capsys.readouterr().out
    assert main([*FIND, "--out", str(tmp_path / "again")]) == 0
    assert "0 places to review" in capsys.readouterr().out
    assert main(["rules", "false-boxes", "remove", "alice-porch", "2"]) == 64
    assert main(["rules", "false-boxes", "remove", "alice-porch", "1"]) == 0
    assert FalseBoxes(bush).of(PORCH) == ()


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["find", "--out", "x"], 64, "expected --from"),
        ([*FIND[2:], "--out", "x", "--days", "1"], 64, "expected --days of at least 2"),
        ([*FIND[2:], "--out", "x", "--overlap", "0"], 64, "--overlap above 0"),
        ([*FIND[2:], "--out", "x", "--camera", "alice-prch"], 64, "did you mean alice-porch?"),
        (["confirm", "missing.yaml"], 64, "expected a file at"),
        (["confirm", "bad.yaml"], 65, "bad.yaml is wrong"),
        (["confirm", "maybe.yaml"], 65, "boxes.0.confirmed"),
        (["remove", "porch", "1"], 64, "expected <user>-<device>"),
        (["remove", "alice-porch", "1"], 64, "expected a number that `list` gives"),
    ],
)
def test_mistakes(
    bush: S3Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.yaml").write_text("boxes: [")
    line = "{number: 1, camera: alice-porch, label: person, box: [0.1, 0.1, 0.2, 0.2], overlap: 0.8, confirmed: maybe}"
    Path("maybe.yaml").write_text(f"version: 1\nboxes: [{line}]\n")
    assert main(["rules", "false-boxes", *arguments]) == code
    assert expected in capsys.readouterr().err
    assert FalseBoxes(bush).of(PORCH) == ()
