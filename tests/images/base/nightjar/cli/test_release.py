"""The commands about releases, over the fake store and a double of Airflow's API."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from nightjar.cli import images_variable, release
from nightjar.cli.images_variable import ByCommand
from nightjar.cli.main import main
from nightjar.domain.release import VARIABLE, Images, parse_images
from nightjar.domain.stages import STAGE_IMAGES
from nightjar.errors import UsageError
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.releases import Releases

VALUE = Images.model_validate({"registry": "localhost/nightjar", **dict.fromkeys(STAGE_IMAGES, "1")})
A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


class Variable:
    """The Variable in memory."""

    def __init__(self) -> None:
        self.value: str | None = VALUE.model_dump_json(by_alias=True)

    def get(self) -> str | None:
        return self.value

    def set(self, value: str) -> None:
        self.value = value


class Store:
    """An image store whose images all hold `content`."""

    content = A

    def place(self, registry: str) -> str:
        return f"{registry} (image store)"

    def digest(self, image: str, reference: str) -> str | None:
        return self.content


class World:
    """A bucket and a Variable that the commands work on."""

    def __init__(self) -> None:
        self.store, self.variable, self.source = MemoryStore(), Variable(), Store()

    @property
    def images(self) -> Images:
        return parse_images(self.variable.value or "")

    def run(self, *arguments: str) -> int:
        return main(arguments, source=lambda: self.source)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()

    @contextmanager
    def opened() -> Iterator[tuple[Variable, str | None]]:
        yield made.variable, "erin"

    monkeypatch.setattr(images_variable, "opened", opened)
    monkeypatch.setattr(release, "_store", lambda: made.store)
    return made


def test_bump_go_back_try_promote_and_drop(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.run("release", "detect=2-far", "--why", "finds people farther away") == 0
    said = capsys.readouterr().out
    bump = Releases(world.store).bumps(1)[0]
    assert said.splitlines()[0] == "detect: 1 → 2-far" and f"nightjar release --back {bump.id}" in said
    assert world.images.detect == "2-far"
    assert world.run("release", "--back", "--why", "too slow", "--by", "frank") == 0
    assert world.images == VALUE
    assert world.run("release", "detect_candidate=2-oid", "--why", "try it") == 0
    assert world.run("drop", "--why", "misses cats") == 0
    assert world.images == VALUE
    assert world.run("release", "detect_candidate=2-far", "--why", "try it on a Friday") == 0
    assert world.run("promote", "--why", "better") == 0
    assert world.images.detect == "2-far" and world.images.detect_candidate is None
    assert [(b.kind, b.by, b.why) for b in Releases(world.store).bumps(9)][:2] == [
        ("promote", "erin", "better"),
        ("release", "erin", "try it on a Friday"),
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["release", "detect=2"], 64, "--why"),
        (["release", "--why", "x"], 64, "expected either <image>=<tag>, such as detect=1.4.0, or --back"),
        (["release", "detect=2", "--back", "--why", "x"], 64, "expected either"),
        (["release", "transcode=2", "--why", "x"], 64, "expected <image>=<tag>"),
        (["release", "detect=latest", "--why", "x"], 64, "never reused"),
        (["release", "--back", "--why", "x"], 64, "expected one bump, as `nightjar releases` names them, got none"),
        (["release", "--back", "2025", "--why", "x"], 64, "got '2025', which 0 are"),
        (["promote", "--why", "x"], 64, "expected a candidate detector"),
        (["drop", "--why", "x"], 64, "expected a candidate detector"),
        (["drop", "--why", ""], 64, "says why"),
        (["releases", "--most", "0"], 64, "at least 1"),
    ],
)
def test_wrong_usage(
    world: World, arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.run(*arguments) == code
    assert message in capsys.readouterr().err
    assert world.images == VALUE


def test_a_tag_of_other_content_is_refused(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.run("release", "detect=2", "--why", "x") == 0
    assert world.run("release", "--back", "--why", "x") == 0
    world.source.content = B
    assert world.run("release", "detect=2", "--why", "x") == 64
    assert f"to be {A}, as the bump of erin had it at" in capsys.readouterr().err


def test_the_history_as_text_and_json(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert world.run("releases") == 0
    assert capsys.readouterr().out == "no release is known yet: the first run writes one down\n"
    assert world.run("release", "detect=2", "--why", "finds cats") == 0
    capsys.readouterr()
    assert world.run("releases") == 0
    lines = capsys.readouterr().out.splitlines()
    assert " UTC  release  by erin  " in lines[0]
    assert lines[1:] == ["    detect: 1 → 2", "    why: finds cats", "    0 runs"]
    assert world.run("releases", "--json") == 0
    [entry] = json.loads(capsys.readouterr().out)
    assert (entry["by"], entry["after"]["detect"], entry["runs"], entry["until"]) == ("erin", "2", [], None)


def test_without_a_login_the_command_airflow_is_called() -> None:
    called: list[Any] = []

    def airflow(arguments: Any) -> str:
        called.append(list(arguments))
        return 'a log line of Airflow\n{"registry": "x"}\n'

    variable = ByCommand(airflow)
    assert variable.get() == '{"registry": "x"}'
    variable.set('{"registry": "y"}')
    assert called[1][:4] == ["variables", "set", VARIABLE, '{"registry": "y"}']


def test_the_command_airflow_says_that_there_is_no_variable() -> None:
    def airflow(_: Any) -> str:
        raise UsageError("airflow variables ended with exit code 1:\nVariable nightjar_images does not exist")

    assert ByCommand(airflow).get() is None
