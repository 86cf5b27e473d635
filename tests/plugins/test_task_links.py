"""The buttons of tasks: which task has which, and that their addresses hold whatever a run is called."""

from types import SimpleNamespace
from urllib.parse import unquote

import pytest

from plugins.nightjar_task_links import LINKS, TASKS, NightjarTaskLinks

ODD = "manual__2026-11-20T00:00:00+00:00/../%2e<b>?#"


def buttons(dag_id: str, task_id: str, run_id: str = "r", map_index: int = -1) -> dict[str, str]:
    key = SimpleNamespace(dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=map_index, try_number=1)
    links = {link.name: link.get_link(None, ti_key=key) for link in NightjarTaskLinks.global_operator_extra_links}
    return {name: address for name, address in links.items() if address}


@pytest.mark.parametrize(
    ("dag_id", "task_id", "expected"),
    [
        ("nightjar_live", "shard.validate", ["Footage and pictures", "The whole run", "Quarantine"]),
        ("nightjar_live", "shard.detect", ["Footage and pictures", "The whole run"]),
        ("nightjar_history", "shard.notify", ["Footage and pictures", "The whole run", "Review"]),
        ("nightjar_live", "reconcile", ["What it did", "The whole run", "Quarantine"]),
        ("nightjar_live", "record", ["What it did", "The whole run", "Reports"]),
        ("nightjar_report", "report", ["What it did", "The whole run", "Reports"]),
        ("nightjar_patrol", "tell", ["What it did", "The whole run", "Review", "Cameras"]),
        ("nightjar_watch", "collect", ["What it did", "The whole run", "Quarantine"]),
        ("nightjar_watch", "wait_for_footage", ["What it did"]),
        ("nightjar_live", "select", []),
        ("nightjar_live", "shard.of_a_later_release", []),
        ("somebody_elses", "collect", []),
    ],
)
def test_which_task_has_which(dag_id: str, task_id: str, expected: list[str]) -> None:
    assert list(buttons(dag_id, task_id)) == expected


def test_every_task_leads_to_its_own_page() -> None:
    own = {"Footage and pictures", "What it did"}
    assert all(len(own & buttons(dag, task).keys()) == 1 for dag, tasks in TASKS.items() for task in tasks)


@pytest.mark.parametrize("run_id", [ODD, "x" * 250, "ü🎥\u202e", "20261120T120000Z-0123456789ab"])
def test_addresses_are_below_airflow_whatever_a_run_is_called(run_id: str) -> None:
    addresses = buttons("nightjar_live", "shard.detect", run_id, 7)
    page = addresses["Footage and pictures"].split("/")
    assert page[:3] == ["dags", "nightjar_live", "runs"]
    assert page[4:] == ["tasks", "shard.detect", "mapped", "7", "plugin", "nightjar-task"]
    assert unquote(page[3]) == run_id
    assert addresses["The whole run"].endswith("/plugin/nightjar-run")


@pytest.mark.parametrize(
    ("base_url", "address"),
    [
        ("http://127.0.0.1:8080", "plugin/nightjar/nightjar-ui/review/"),
        ("https://ops.example.com/airflow/", "plugin/nightjar/airflow/nightjar-ui/review/"),
        ("", "plugin/nightjar/nightjar-ui/review/"),
    ],
)
def test_pages_of_the_navigation_under_a_path(monkeypatch: pytest.MonkeyPatch, base_url: str, address: str) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", base_url)
    assert buttons("nightjar_live", "shard.notify")["Review"] == address


def test_the_names_are_unique() -> None:
    assert len({link.name for link in LINKS}) == len(LINKS)
