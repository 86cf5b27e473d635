"""The files that every process of Airflow loads from `plugins/`: a few files, and nothing heavy through them."""

import ast
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from airflow._shared.module_loading import find_path_from_directory

from plugins.nightjar_links import NightjarLinks
from plugins.nightjar_ui import NightjarPages
from plugins.web.addresses import MOUNT
from plugins.web.static_files import static_files

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
FILES = ["nightjar_links.py", "nightjar_task_links.py", "nightjar_ui.py"]
LIGHT = {
    *("airflow.plugins_manager", "airflow.configuration", "airflow.sdk"),  # of Airflow, which has imported them
    "plugins.web.on_demand",  # looked at below
}


@pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")  # by Airflow
def test_airflow_imports_these_files_alone() -> None:
    found = find_path_from_directory(PLUGINS, ".airflowignore", "glob")
    assert sorted(Path(each).relative_to(PLUGINS).as_posix() for each in found if each.endswith(".py")) == FILES


@pytest.mark.parametrize("name", [*FILES, "web/on_demand.py"])
def test_a_plugin_file_imports_nothing_heavy(name: str) -> None:
    """FastAPI, DuckDB and the pages belong to the API server; they are imported with the first request."""
    tree = ast.parse((PLUGINS / name).read_text())
    modules = {str(node.module) for node in tree.body if isinstance(node, ast.ImportFrom)}
    modules |= {each.name for node in tree.body if isinstance(node, ast.Import) for each in node.names}
    assert {each for each in modules if each.partition(".")[0] not in sys.stdlib_module_names} <= LIGHT


VIEWS = cast("list[dict[str, Any]]", NightjarPages.external_views)


def test_the_views_are_below_the_app_and_below_airflows_path() -> None:
    assert [each["url_prefix"] for each in NightjarPages.fastapi_apps] == [MOUNT]
    assert [each["url_prefix"] for each in NightjarLinks.fastapi_apps] == ["/nightjar"]
    assert {each["destination"] for each in VIEWS} == {"nav", "dag_run", "task_instance"}
    assert all(each["href"].startswith(f"{MOUNT[1:]}/") for each in VIEWS)
    assert len({each["url_route"] for each in VIEWS}) == len(VIEWS)  # or Airflow drops one


def test_the_icons_are_there() -> None:
    static = {f"{MOUNT[1:]}/static/{path}" for path in static_files(())}
    assert {each[kind] for each in VIEWS for kind in ("icon", "icon_dark_mode")} <= static
