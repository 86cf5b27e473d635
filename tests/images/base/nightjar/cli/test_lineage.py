"""`nightjar lineage`: the tree as text, as JSON and as a drawing; wrong arguments."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nightjar.cli import main as cli
from nightjar.cli.lineage_text import as_json, as_text
from nightjar.cli.main import main
from nightjar.domain.lineage.growing import Lineage
from nightjar.queries.lineage.answer import Question, lineage_of
from nightjar.runtime import s3
from tests.images.base.nightjar.queries.lineage.lineage_world import CLIP, RUN, after, lineages


def answer(name: str, *, is_up: bool = False) -> Lineage:
    return lineage_of(lineages().store, Question(name, is_up=is_up), after(60))


def test_the_tree_as_text() -> None:
    lines = list(as_text(answer("0000000000000007"), is_short=False))
    assert lines[0] == "alert Person at Porch"
    text = "\n".join(lines)
    for part in (
        "└─ tells of: event person at alice-porch, 2026-11-20 12:00:00 UTC\n",
        f"made by detect of nightjar_live/{RUN} shard alice-porch\n",
        "model fake 0000",
        "made of: original alice-porch-1795176000.mp4\n",
        "filed from: upload alice-porch-1795176000.mp4\n",
        "made of: original alice-porch-1795176000.mp4  (see above)",
        "told: email to alice@example.com: sent\n",
    ):
        assert part in text
    assert text.count("image registry.example.com/nightjar/detect:x") == 1  # the same task is told in full once
    assert all(line == line.rstrip() for line in lines)


def test_a_line_for_each_thing() -> None:
    lines = list(as_text(answer(CLIP, is_up=True), is_short=True))
    assert lines[:3] == [
        "original alice-porch-1795176000.mp4",
        "├─ made into: picture alice-porch 2026-11-20 12:00:00 UTC",
        "│  ├─ looked at in: detection person 90 %",
    ]


def test_the_graph_as_json() -> None:
    document = json.loads(as_json(answer("0000000000000007")))
    assert (document["schema"], document["direction"], document["notes"]) == (1, "down", [])
    nodes = {node["id"]: node for node in document["nodes"]}
    root = nodes[document["root"]]
    assert (root["kind"], root["made_by"]["stage"], root["state"]) == ("alert", "notify", "current")
    assert all({link["from"], link["to"]} <= nodes.keys() for link in document["links"])
    assert {node["kind"] for node in nodes.values()} >= {"event", "detection", "picture", "original", "rules"}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bucket of the environment is one in memory."""
    store = lineages().store
    monkeypatch.setenv("NIGHTJAR_BUCKET", "nightjar")
    monkeypatch.setattr(s3, "S3Store", lambda _: store)


@pytest.mark.usefixtures("bucket")
def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "lineage.svg"
    assert main(["lineage", "alice-porch-1795176000", "--svg", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: 3 things\n"
    assert ElementTree.fromstring(file.read_text()).tag == "{http://www.w3.org/2000/svg}svg"
    assert main(["lineage", "alice-porch-1795176000", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["root"].startswith("standard/")
    assert main(["lineage", "alice-porch-1795176000", "--short", "--most", "1"]) == 0
    assert capsys.readouterr().out.startswith("picture alice-porch")


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 64, "NAME"),
        (["x", "--most", "0"], 64, "expected a whole number from 1 to 100,000, got '0'"),
        (["x", "--most-nodes", "many"], 64, "got 'many'"),
        (["x", "--from", "2026-11-20", "--to", "2026-11-19"], 64, "expected --from before --to"),
        (["0000000000000007", "--from", "1990-01-01", "--to", "1990-01-02"], 65, "of 1990-01-01 to 1990-01-03"),
        (["nothing", "--up"], 65, "found nothing called 'nothing'"),
        (["detect:1.0.0"], 65, "an image is asked about upward only (--up)"),
        (["alice-porch-1795176000", "--svg", "/nowhere/x.svg"], 64, "expected a file that can be written at"),
    ],
)
def test_wrong_arguments(capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str) -> None:
    assert main(["lineage", *arguments]) == code
    assert said in capsys.readouterr().err


def test_it_is_a_command() -> None:
    assert "lineage" in cli.command_line().format_help()
