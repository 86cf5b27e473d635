"""`nightjar setup`: what Airflow is asked for, what is told, and what goes on after something failed."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from nightjar.cli.setup import BucketSetup, Setup, in_airflow, in_store, read_setup
from nightjar.domain.release import VARIABLE
from nightjar.errors import UsageError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectInfo
from nightjar.stores.rules import RulesStore
from tests.bucket import RULES

IMAGES = {
    "registry": "registry.example.com/nightjar",
    **dict.fromkeys(("collect", "validate", "detect", "assess", "notify", "report"), "1.0.0"),
}


class DoubleOfAirflow:
    """Keeps what it was asked for, and the files that it was given."""

    def __init__(self, answer: str = "") -> None:
        self.answer = answer
        self.asked: list[list[str]] = []
        self.files: list[object] = []
        self.said: list[str] = []

    def __call__(self, arguments: Sequence[str], said_to_it: str) -> str:
        self.asked.append(list(arguments))
        self.said.append(said_to_it)
        if arguments[-1].endswith(".json"):
            self.files.append(json.loads(Path(arguments[-1]).read_text()))
        return self.answer


def admin(folder: Path, user: str = "admin", password: str = "pa55 word") -> Path:
    """A mounted Secret."""
    (folder / "user").write_text(f"{user}\n")
    (folder / "password").write_text(password)
    return folder


def test_pools_variable_and_login(tmp_path: Path) -> None:
    airflow = DoubleOfAirflow()
    setup = Setup.model_validate({"pools": {"nightjar_detect": 100, "nightjar_validate": 7}, "images": IMAGES})
    lines = list(in_airflow(airflow, setup, admin(tmp_path)))
    assert lines == [
        "pools: nightjar_detect 100, nightjar_validate 7",
        "login: admin made",
        f"Variable {VARIABLE}: set, unless it was",
    ]
    pools, variables = airflow.files
    assert isinstance(pools, dict)
    assert {name: (pool["slots"], pool["include_deferred"]) for name, pool in pools.items()} == {
        "nightjar_detect": (100, True),
        "nightjar_validate": (7, True),
    }
    assert variables == {VARIABLE: IMAGES}
    assert airflow.asked[-1][:4] == ["variables", "import", "--action-on-existing-key", "skip"]


def test_the_password_stands_in_no_argument(tmp_path: Path) -> None:
    airflow = DoubleOfAirflow()
    list(in_airflow(airflow, Setup(), admin(tmp_path)))
    assert airflow.said == ["pa55 word\npa55 word\n"]
    assert "pa55 word" not in json.dumps(airflow.asked)


def test_a_login_that_is_there_is_left_alone(tmp_path: Path) -> None:
    airflow = DoubleOfAirflow("admin already exist in the db")
    assert list(in_airflow(airflow, Setup(), admin(tmp_path))) == ["login: admin was there"]


@pytest.mark.parametrize(("user", "password"), [("", "x"), ("admin", ""), ("admin", " \n")])
def test_an_empty_login_is_refused(tmp_path: Path, user: str, password: str) -> None:
    with pytest.raises(UsageError, match="empty"):
        list(in_airflow(DoubleOfAirflow(), Setup(), admin(tmp_path, user, password)))


def test_a_login_without_its_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="files user and password"):
        list(in_airflow(DoubleOfAirflow(), Setup(), tmp_path))


def test_nothing_asked_for_is_nothing_done() -> None:
    airflow = DoubleOfAirflow()
    assert list(in_airflow(airflow, Setup(), None)) == []
    assert airflow.asked == []


def test_rules_are_put_only_into_a_bucket_without() -> None:
    store = MemoryStore()
    assert list(in_store(lambda: store, RULES.decode())) == ["rules: put"]
    newest = RulesStore(store).newest()
    assert list(in_store(lambda: store, "version: 1\n")) == ["rules: are there"]
    assert RulesStore(store).newest() == newest


def test_without_rules_runs_have_some_all_the_same() -> None:
    store = MemoryStore()
    assert list(in_store(lambda: store, " \n")) == ["rules: put without any; `nightjar rules put FILE` puts yours"]
    assert RulesStore(store).freeze().problem is None
    assert list(in_store(lambda: store, "")) == ["rules: are there"]


class _Closed(MemoryStore):
    """A bucket that the set-up may not read, since somebody else made it."""

    def head(self, key: str, version_id: str | None = None) -> ObjectInfo | None:
        raise UsageError(f"head {key!r}: S3 refuses with AccessDenied")


def test_rules_that_cannot_be_looked_at_matter_only_to_who_wants_some() -> None:
    [line] = in_store(_Closed, "")
    assert line.startswith("rules: not looked at")
    with pytest.raises(UsageError, match="AccessDenied"):
        list(in_store(_Closed, RULES.decode()))


def test_wrong_rules_are_not_put() -> None:
    store = MemoryStore()
    with pytest.raises(UsageError, match="users: missing key"):
        list(in_store(lambda: store, "version: 1\n"))
    assert RulesStore(store).newest() is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "Expecting"),
        ("[]", "valid dictionary"),
        ('{"pool": {}}', "pool: "),
        ('{"bucket": {"log_days": 0}}', "bucket.log_days: "),
        ('{"images": {"registry": "r", "collect": "latest"}}', "images.collect: "),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "setup.json").write_text(text)
    with pytest.raises(UsageError, match=says):
        read_setup(tmp_path / "setup.json")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        read_setup(tmp_path / "setup.json")


def test_an_empty_file_has_defaults(tmp_path: Path) -> None:
    (tmp_path / "setup.json").write_text("{}")
    assert read_setup(tmp_path / "setup.json").bucket == BucketSetup()
