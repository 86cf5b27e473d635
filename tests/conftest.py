"""Shared by tests of several parts: a real S3 server, and a home of its own for Airflow."""

import atexit
import gc
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import replace
from fnmatch import fnmatch
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from botocore.hooks import EventAliaser, HierarchicalEmitter
from botocore.loaders import JSONFileLoader, Loader
from botocore.retries.standard import ExponentialBackoff
from coverage import Coverage
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar_local.seaweedfs import S3Access, running

# Collection makes a million objects, and drops few: looking through them was a fifth of its time.
gc.disable()

# A deployment that the shell has sourced (`.nightjar/env`) is not for tests: none may reach its database or its bucket.
_THEIRS = ("AIRFLOW_", "AWS_", "NIGHTJAR_")
for _name in [name for name in os.environ if name.startswith(_THEIRS)]:
    del os.environ[_name]

# Airflow reads and fills its home when it is first imported; the one of whoever runs the tests is not ours.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="nightjar-tests-airflow-")
atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)


@cache
def _loaded(path: str) -> Any:
    return JSONFileLoader().load_file(path)


class LoadedOnce(JSONFileLoader):
    """Reads each of botocore's data files once for each process: a new client needs two megabytes of JSON."""

    def load_file(self, file_path: str) -> Any:
        """The content of `<file_path>.json`; None where there is no such file."""
        return _loaded(file_path)


Loader.FILE_LOADER_CLASS = LoadedOnce


@pytest.fixture(scope="session", autouse=True)
def events_named_once() -> Iterator[None]:
    """A new boto client registers some 130 events, and looks up other names for each in a table: half its time."""
    with pytest.MonkeyPatch.context() as patch:
        name = "_alias_event_name"
        named = cache(partial(getattr(EventAliaser, name), EventAliaser(HierarchicalEmitter())))
        patch.setattr(EventAliaser, name, lambda _, event: named(event))
        yield


@pytest.fixture(scope="session", autouse=True)
def retries_at_once() -> Iterator[None]:
    """boto, in the process of the tests, makes as many tries as ever, and does not wait seconds in between."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.01)
        yield


# Files whose tests start programs or run whole chains: slow without saying so. Other slow tests have the mark.
SLOW = (
    "end_to_end/*",
    "kubernetes/*",
    "*/test_program.py",
    "*/test_on_s3.py",
    "*/test_killed.py",
    "*/test_two_releases.py",
    "images/base/nightjar/runtime/test_stage.py",
    "operators/test_footage.py",
    # Their tests all have the mark; here, since they import much.
    "browser/test_pages.py",
    "images/airflow/test_airflow_local_settings.py",
    "local/chaos/test_s3_proxy.py",
    "local/test_daemon.py",
    "local/test_demo.py",
    "local/test_images.py",
    "local/test_keeper.py",
    "local/test_s3_server.py",
    "local/test_sample_drop.py",
    "local/test_seaweedfs.py",
    "local/test_supervision.py",
    "operators/test_local.py",
    "plugins/pages/cameras/test_drawing.py",
    "plugins/test_addresses.py",
    "plugins/test_damaged_bucket.py",
    "plugins/test_fuzz.py",
    "test_stages.py",
    # They encode videos.
    "images/validate/test_clip_pictures.py",
    "images/validate/test_clips.py",
    # With validate's decoders, which are programs.
    "images/validate/test_again.py",
    "images/validate/test_clips_in_stage.py",
    "images/validate/test_moments.py",
    "images/validate/test_pool.py",
    "images/validate/test_stage.py",
)
# Those that take minutes, longest first; files that share a deployment stand one after the other.
LONGEST = (
    "end_to_end/test_operator.py",
    "end_to_end/test_flow.py",
    "end_to_end/test_real_stages.py",
    "browser/test_pages.py",
    "end_to_end/test_chaos.py",
    "end_to_end/test_pod_path.py",
    "end_to_end/test_container_images.py",
    "end_to_end/test_registry.py",
    "local/test_daemon.py",
    "images/collect/test_killed.py",
    "local/test_demo.py",
    "releases/test_two_releases.py",
    "plugins/test_fuzz.py",
)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where no slow test is asked for, files of slow tests alone are not imported: half a second in each worker."""
    if config.option.markexpr != "not slow" or collection_path.suffix != ".py":
        return None
    return True if _is_slow_file(collection_path) else None


@cache
def _is_slow_file(path: Path) -> bool:
    file = path.relative_to(Path(__file__).parent).as_posix()
    return any(fnmatch(file, pattern) for pattern in SLOW)


def _starts_a_server(item: pytest.Item) -> bool:
    """Whether a test asks the real S3 server, which is a program, by a fixture or as the case "s3" of a contract."""
    callspec = getattr(item, "callspec", None)
    cases = [case for case in callspec.params.values() if isinstance(case, str)] if callspec else []
    return "seaweedfs_server" in getattr(item, "fixturenames", ()) or "s3" in cases


# Files that share what end_to_end/conftest.py starts: one worker runs those of a group, in the order of LONGEST.
_GROUPS = {
    "small stages": ("operator", "flow", "candidate", "releases"),
    "container images": ("container_images", "registry"),
}
GROUP_OF = {f"tests/end_to_end/test_{name}.py": group for group, names in _GROUPS.items() for name in names}


class Files(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Each file is run by one worker; files of a group are run by the same one."""

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return GROUP_OF.get(file, file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """For `--dist loadfile`, which `make test` asks for."""
    return Files(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of slow files, and those with a server. The slow tests come first, so that no worker is left with
    them at the end.
    """
    place = {}
    files = {path: path.relative_to(Path(__file__).parent).as_posix() for path in {item.path for item in items}}
    for item in items:
        file = files[item.path]
        if _is_slow_file(item.path) or _starts_a_server(item):
            item.add_marker(pytest.mark.slow)
        is_slow = item.get_closest_marker("slow") is not None
        place[item] = LONGEST.index(file) if is_slow and file in LONGEST else len(LONGEST) + (not is_slow)
    items.sort(key=place.__getitem__)


def pytest_collection_finish() -> None:
    """Never look through what is in memory when the tests begin, a million objects of Airflow's: all of it stays."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """No folder's tests leave variables behind, which would point the next ones at their bucket."""
    yield
    if nextitem is None or nextitem.path.parent != item.path.parent:
        left = sorted(name for name in os.environ if name.startswith(_THEIRS) and name != "AIRFLOW_HOME")
        assert not left, f"expected the tests of {item.path.parent.name} to leave no variables, got {left}"


class CoverageOfQuickTests:
    """Measures the lines that the quick tests run. In slow tests little of ours runs in the process that is measured,
    and Python with a tracer takes nearly twice its time.
    """

    def __init__(self) -> None:
        self._paused: list[Coverage] = []  # a worker of xdist has two, one below the other

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        """Pause before a slow test, go on before a quick one."""
        if item.get_closest_marker("slow") is not None:
            while measuring := Coverage.current():
                measuring.stop()
                self._paused.append(measuring)
        else:
            while self._paused:
                self._paused.pop().start()


def pytest_configure(config: pytest.Config) -> None:
    """With `--cov`, the quick tests alone are measured."""
    if config.pluginmanager.hasplugin("_cov"):
        config.pluginmanager.register(CoverageOfQuickTests())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """After a run with coverage: the share of lines that ran, and the files with the most lines that did not."""
    reports = getattr(config.option, "cov_report", None) or {}
    file = Path(reports.get("json") or "nowhere")
    if not file.exists():
        return
    report = json.loads(file.read_text())
    files = sorted(report["files"].items(), key=lambda each: -each[1]["summary"]["missing_lines"])
    share = report["totals"]["percent_covered"]
    terminalreporter.section(f"coverage: the quick tests run {share:.1f} % of lines; least covered")
    for name, each in files[:10]:
        summary = each["summary"]
        terminalreporter.line(f"{summary['missing_lines']:5} of {summary['num_statements']:4} lines not run  {name}")


@pytest.fixture(scope="session")
def seaweedfs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Access]:
    """One real S3 server for the whole session; under xdist, one for each worker."""
    directory: Path = tmp_path_factory.mktemp("seaweedfs")
    with running(directory) as access:
        yield access


@pytest.fixture(scope="session")
def seaweedfs_client(seaweedfs_server: S3Access) -> Any:
    """A client for making and removing buckets."""
    return seaweedfs_server.client()


@pytest.fixture
def seaweedfs(seaweedfs_server: S3Access, seaweedfs_client: Any) -> Iterator[S3Access]:
    """The server with a fresh versioned bucket, empty, for this test alone."""
    access = replace(seaweedfs_server, bucket=f"test-{uuid.uuid4().hex[:16]}")
    seaweedfs_client.create_bucket(Bucket=access.bucket)
    seaweedfs_client.put_bucket_versioning(Bucket=access.bucket, VersioningConfiguration={"Status": "Enabled"})
    yield access
    seaweedfs_client.delete_bucket(Bucket=access.bucket)  # SeaweedFS takes what is in it along


@pytest.fixture
def s3_settings(seaweedfs: S3Access, monkeypatch: pytest.MonkeyPatch) -> StoreSettings:
    """The settings of `seaweedfs`, with this process's environment pointing at it for stages to inherit."""
    for name, value in seaweedfs.environment().items():
        monkeypatch.setenv(name, value)
    return StoreSettings()


@pytest.fixture
def s3_store(s3_settings: StoreSettings) -> S3Store:
    """The object store over `seaweedfs`."""
    return S3Store(s3_settings)
