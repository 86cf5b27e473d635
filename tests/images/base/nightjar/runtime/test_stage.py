"""The stage runner, as a program: exit codes, the last line, the manifest, SIGTERM."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import UTC, date, datetime

import pytest

from nightjar.domain.manifest import Counts
from nightjar.errors import InputError, UsageError
from nightjar.runtime.manifests import read_manifest
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.overlay import given_lines
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar.runtime.stage import StageContext, StageResult, run

PROGRAM = """
import nightjar.runtime.swift_start
import gc, logging, os, signal, time
from nightjar.errors import InputError, TryAgainError, UsageError
from nightjar.domain.manifest import Counts
from nightjar.runtime.stage import StageResult, main

def work(context):
    {body}

main("try", work)
"""
ARGUMENTS = ["--input-prefix", "in/", "--output-prefix", "out/"]


def start(body: str, arguments: list[str], settings: StoreSettings, **environment: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "NIGHTJAR_IMAGE": "r/try:1",
        "NIGHTJAR_RUN": "run-1",
        "NIGHTJAR_BUCKET": settings.bucket,
        "NIGHTJAR_S3_ENDPOINT": settings.s3_endpoint or "",
        **environment,
    }
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(body=body), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("body", "arguments", "environment", "code", "last"),
    [
        ("return StageResult()", ARGUMENTS, {}, 0, "try: done, 0 received: nothing to do"),
        ("raise UsageError('wrong')", ARGUMENTS, {}, 64, "try: wrong"),
        ("raise InputError('refused')", ARGUMENTS, {}, 65, "try: refused"),
        ("raise TryAgainError('later')", ARGUMENTS, {}, 75, "try: later"),
        ("raise KeyError('x')", ARGUMENTS, {}, 1, "try: bug: KeyError: 'x'"),
        ("return StageResult(Counts(received=1))", ARGUMENTS, {}, 1, "expected outcomes for 1 received, got 0"),
        ("return StageResult()", [], {}, 64, "the following arguments are required"),
        ("return StageResult()", ["--input-prefix", "in", "--output-prefix", "out/"], {}, 64, "ends with a slash"),
        ("return StageResult()", [*ARGUMENTS, "--surprise"], {}, 64, "unrecognized arguments: --surprise"),
        ("return StageResult()", ARGUMENTS, {"NIGHTJAR_BUCKET": "A"}, 64, "NIGHTJAR_BUCKET"),
        (
            "return StageResult()",
            [*ARGUMENTS, "--reproduction", "no/"],
            {},
            65,
            "the versions to read at 'no/given.jsonl'",
        ),
        ("context.release()", ARGUMENTS, {}, 64, "needs --release"),
        ("raise UsageError(f'{gc.isenabled()} {gc.get_freeze_count() > 10_000}')", ARGUMENTS, {}, 64, "True True"),
    ],
)
def test_exit_codes_and_the_last_line(
    body: str, arguments: list[str], environment: dict[str, str], code: int, last: str, s3_settings: StoreSettings
) -> None:
    process = start(body, arguments, s3_settings, **environment)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert last in err.splitlines()[-1]
    for line in out.splitlines():
        assert json.loads(line)["level"] in {"info", "error"}


def test_a_program_that_reproduces_writes_in_its_place_only(s3_store: S3Store, s3_settings: StoreSettings) -> None:
    version = s3_store.put("k", b"given").version_id
    s3_store.put("k", b"newer")
    s3_store.put("again/given.jsonl", given_lines([("k", version)], date(2026, 11, 20)))
    body = "context.store.put('k', context.store.get('k')[0] + f' on {context.today}'.encode()); return StageResult()"
    process = start(body, [*ARGUMENTS, "--reproduction", "again/"], s3_settings)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    keys = {info.key for info in s3_store.list_objects("")}
    assert keys == {"k", "again/given.jsonl", "again/store/k", "again/store/out/_manifest.json"}
    assert (s3_store.get("k")[0], s3_store.get("again/store/k")[0]) == (b"newer", b"given on 2026-11-20")


def test_sigterm_means_try_again(s3_settings: StoreSettings) -> None:
    process = start("print('ready', flush=True); time.sleep(60)", ARGUMENTS, s3_settings)
    assert process.stdout
    for line in process.stdout:
        if line == "ready\n":
            break
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 75
    assert "stopped by SIGTERM" in err.splitlines()[-1]
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("call", ["store.get('x')", "store.put('x', b'')", "store.list_objects('x')", "release()"])
def test_sigterm_in_the_middle_of_a_call_to_s3_means_try_again(call: str, s3_settings: StoreSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = s3_settings.model_copy(update={"s3_endpoint": f"http://127.0.0.1:{silent.getsockname()[1]}"})
        process = start(f"list(context.{call})", [*ARGUMENTS, "--release", "release.json"], settings)
        connection, _ = silent.accept()
        with connection:
            assert connection.recv(1)
            time.sleep(0.5)  # Python hears of a signal that comes just before a call waits only when the call returns
            started = time.monotonic()
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=30)
    assert process.returncode == 75, err
    assert err.splitlines()[-1] == "try: stopped by SIGTERM before the end; run it again"
    assert time.monotonic() - started < 20  # a try that goes on waits for a minute


@pytest.mark.parametrize(
    ("end", "code", "last"),
    [
        ("return StageResult()", 0, "try: done, 0 received: nothing to do"),
        ("raise UsageError('wrong')", 64, "try: wrong"),
        ("raise KeyError('x')", 1, "try: bug: KeyError: 'x'"),
        ("os.kill(os.getpid(), signal.SIGTERM)", 75, "try: stopped by SIGTERM before the end; run it again"),
    ],
)
def test_sigterm_after_the_work_does_not_change_how_it_ended(
    end: str, code: int, last: str, s3_settings: StoreSettings
) -> None:
    logged = "logging.getLogger().handlers[0].addFilter(lambda line: not os.kill(os.getpid(), signal.SIGTERM))"
    process = start(f"{logged}; {end}", ARGUMENTS, s3_settings)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (code, f"{last}\n")


def test_sigterm_while_something_is_logged_is_not_lost(s3_settings: StoreSettings) -> None:
    told = "type('Told', (), {'__str__': lambda _: str(os.kill(os.getpid(), signal.SIGTERM))})()"
    process = start(f"logging.info('%s', {told}); return StageResult()", ARGUMENTS, s3_settings)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 75, err


def context(store: MemoryStore) -> StageContext:
    return StageContext(
        stage="try",
        image="r/try:1",
        run="run-1",
        input_prefix="in/",
        output_prefix="out/",
        store=store,
        clock=lambda: datetime(2026, 11, 20, tzinfo=UTC),
    )


def test_the_manifest_is_the_last_act() -> None:
    store = MemoryStore()
    written = run(lambda _: StageResult(Counts(received=1, outcomes={"done": 1}), result={"id": "x"}), context(store))
    read, _ = read_manifest(store, "out/")
    assert read == written
    assert (read.stage, read.image, read.run, read.result) == ("try", "r/try:1", "run-1", {"id": "x"})


def fails(_: StageContext) -> StageResult:
    raise UsageError("no")


def test_a_stage_that_fails_leaves_no_manifest() -> None:
    store = MemoryStore()
    with pytest.raises(UsageError):
        run(fails, context(store))
    with pytest.raises(InputError, match="found none"):
        read_manifest(store, "out/")
