"""The defaults of Airflow's UI are the same on a laptop and from the Airflow image."""

import json
import re
import shlex
from pathlib import Path

import pytest

from nightjar_local import airflow
from nightjar_local.s3_server import access_of
from nightjar_local.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
UI = ("AIRFLOW__API__THEME", "AIRFLOW__API__DEFAULT_WRAP")


@pytest.fixture
def laptop(tmp_path: Path) -> dict[str, str]:
    settings = Settings(ui_port=1, s3_port=2)
    return airflow.command_environment(tmp_path, settings, access_of(settings), ROOT / "dags")


def image() -> dict[str, str]:
    """The variables that the Dockerfile sets."""
    text = (ROOT / "images" / "airflow" / "Dockerfile").read_text().replace("\\\n", " ")
    words = shlex.split(" ".join(re.findall(r"^ENV (.*)$", text, re.M)))
    return dict(word.split("=", 1) for word in words)


def test_the_image_and_a_laptop_show_the_same(laptop: dict[str, str]) -> None:
    assert {name: image()[name] for name in UI} == {name: laptop[name] for name in UI}


def test_the_grid_is_wide_enough_for_the_newest_run(laptop: dict[str, str]) -> None:
    """Ten runs of 18 pixels beside 200 pixels of names: seen in a browser, see docs/images/airflow.png."""
    theme = json.loads(laptop["AIRFLOW__API__THEME"])
    width = theme["globalCss"]["[data-panel-id='main-panel']"]["minWidth"]
    [rem] = re.findall(r"([\d.]+)rem", width)
    assert float(rem) * 16 >= 400
