"""Decoders that crash, hang, eat memory or lie: the object is refused, the others go on."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from nightjar.domain.reasons import Reason
from nightjar.errors import TryAgainError
from nightjar.settings.validate import ValidateSettings
from nightjar_validate.deciding import limits_of
from nightjar_validate.decoded import Decoded, Job, Refused
from nightjar_validate.formats import Format
from nightjar_validate.pool import DecoderPool, StoppedDecoderError
from tests.images.validate.pictures import ASTRONAUT, bomb, still

HOSTILE = "tests.images.validate.hostile:decode"
MEMORY = 512 << 20
GOOD = still(ASTRONAUT)


@pytest.fixture
def pool() -> Iterator[DecoderPool]:
    with DecoderPool(1, MEMORY, HOSTILE) as opened:
        yield opened


def job(folder: Path, data: bytes, cpu_seconds: int = 20, seconds: float = 60.0) -> tuple[Job, Path]:
    path = folder / "footage"
    path.write_bytes(data)
    kind = Format.PNG if data.startswith(b"\x89") else Format.JPEG
    return Job(kind, False, limits_of(ValidateSettings()), cpu_seconds, seconds), path


@pytest.mark.parametrize(
    ("data", "before", "reason", "says"),
    [
        (b"crash", 1, Reason.DECODER_CRASHED, "SIGSEGV"),
        (b"abort", 0, Reason.DECODER_CRASHED, "SIGABRT"),
        (b"exit", 0, Reason.DECODER_CRASHED, "exit code 3"),
        (b"raise", 0, Reason.DECODER_CRASHED, "RuntimeError: a bug"),
        (b"babble", 0, Reason.DECODER_CRASHED, "expected a bounded message"),
        (b"lie", 0, Reason.DECODER_CRASHED, "expected an answer"),
        (b"nest", 0, Reason.DECODER_CRASHED, "expected JSON"),
        (b"surrogate", 0, Reason.DECODER_CRASHED, "surrogates not allowed"),
        (b"flood", 1, Reason.DECODER_CRASHED, "2 pictures and refusals"),
        (b"future", 0, Reason.DECODER_CRASHED, "a picture at 10000000000000000 ms"),
        (b"past", 0, Reason.DECODER_CRASHED, "a picture at -1 ms"),
        (b"hang up", 0, Reason.DECODER_CRASHED, "a closed channel"),
        (b"rare signal", 0, Reason.DECODER_CRASHED, "exit code -40"),
        (b"write", 0, Reason.DECODER_CRASHED, "File too large"),
        (b"sleep", 1, Reason.DECODER_TIMEOUT, "expected decoding within 1 s"),
        (b"compute", 0, Reason.DECODER_TIMEOUT, "expected decoding within 1 s"),
        (b"eat", 0, Reason.DECODER_OUT_OF_MEMORY, "expected decoding within 512 MiB"),
    ],
)
def test_what_gets_the_better_of_its_decoder_is_refused_and_the_next_goes_on(
    pool: DecoderPool, tmp_path: Path, data: bytes, before: int, reason: Reason, says: str
) -> None:
    limits = {b"sleep": (20, 1.0), b"compute": (1, 60.0)}.get(data, (20, 60.0))
    *kept, refused = pool.run(*job(tmp_path, data, *limits))
    assert kept == [Decoded(b"before", 1, 1, 0)] * before
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.offset_ms) == (reason, None)
    assert says in refused.detail
    [after] = pool.run(*job(tmp_path, GOOD))
    assert isinstance(after, Decoded)


def test_a_bomb_is_refused_before_it_takes_memory(tmp_path: Path) -> None:
    with DecoderPool(1, 256 << 20) as pool:  # 100 megapixels would need 300 MB
        [refused] = pool.run(*job(tmp_path, bomb(10_000, 10_000)))
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.TOO_MANY_PIXELS


def test_decoding_that_needs_more_memory_than_there_is(tmp_path: Path) -> None:
    with DecoderPool(1, 256 << 20) as pool:
        [refused] = pool.run(*job(tmp_path, bomb(7_000, 7_000)))
        assert isinstance(refused, Refused)
        assert refused.reason is Reason.DECODER_OUT_OF_MEMORY
        [after] = pool.run(*job(tmp_path, GOOD))
        assert isinstance(after, Decoded)


def test_a_decoder_knows_no_credentials_and_has_no_files_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "SENDGRID_API_KEY", "NIGHTJAR_BUCKET"):
        monkeypatch.setenv(name, "secret")
    with (tmp_path / "ours").open("wb"), DecoderPool(1, MEMORY, HOSTILE) as pool:
        [told] = pool.run(*job(tmp_path, b"environment"))
    assert isinstance(told, Decoded)
    found = json.loads(told.data)
    assert "secret" not in found["environment"].values()
    assert not {name for name in found["environment"] if name.startswith(("AWS", "NIGHTJAR", "SENDGRID"))}
    assert len(found["files"]) == 5  # in, out, errors, the channel, and the file


def test_a_decoder_imports_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    with DecoderPool(1, MEMORY, HOSTILE) as pool:
        [told] = pool.run(*job(tmp_path, b"modules"))
    assert isinstance(told, Decoded)
    assert not {"pydantic", "boto3", "cv2", "numpy.random"} & set(json.loads(told.data))


def test_a_job_that_is_given_up_leaves_no_answers_for_the_next(pool: DecoderPool, tmp_path: Path) -> None:
    begun = pool.run(*job(tmp_path, b"sleep"))
    assert isinstance(next(begun), Decoded)
    begun.close()
    [after] = pool.run(*job(tmp_path, GOOD))
    assert isinstance(after, Decoded)
    assert after.width == 512


def alive() -> set[str]:
    """The decoders of this process."""
    return {pid for tasks in Path("/proc/self/task").iterdir() for pid in (tasks / "children").read_text().split()}


def test_the_kernel_says_that_every_decoder_is_sealed(tmp_path: Path) -> None:
    before = alive()
    with DecoderPool(2, MEMORY) as pool:
        for _ in range(4):  # each is ready when it has had a job
            list(pool.run(*job(tmp_path, GOOD)))
        states = [
            dict(line.split(":\t") for line in Path(f"/proc/{pid}/status").read_text().splitlines())
            for pid in alive() - before
        ]
    assert [(state["NoNewPrivs"], state["Seccomp"]) for state in states] == [("1", "2")] * 2


def test_a_decoder_outlives_the_alarm_of_a_job_that_is_done(pool: DecoderPool, tmp_path: Path) -> None:
    [told] = pool.run(*job(tmp_path, b"alarm"))
    time.sleep(1)
    [again] = pool.run(*job(tmp_path, b"alarm"))
    assert isinstance(told, Decoded)
    assert told == again, "expected the same process"


def test_decoders_that_died_while_idle_are_replaced_and_no_file_is_blamed(tmp_path: Path) -> None:
    before = alive()
    with DecoderPool(3, MEMORY, HOSTILE) as pool:
        for pid in alive() - before:
            os.kill(int(pid), signal.SIGKILL)
        found = [next(pool.run(*job(tmp_path, GOOD))) for _ in range(4)]
    assert [type(one) for one in found] == [Decoded] * 4


def test_decoders_that_cannot_start_are_no_reason_to_refuse_anything(tmp_path: Path) -> None:
    with DecoderPool(2, MEMORY, "tests.images.validate.hostile:missing") as pool, pytest.raises(TryAgainError):
        next(pool.run(*job(tmp_path, GOOD)))


def test_the_time_that_the_caller_takes_is_not_the_files(pool: DecoderPool, tmp_path: Path) -> None:
    found = []
    two, path = job(tmp_path, b"two", seconds=1.0)
    for answer in pool.run(replace(two, format=Format.MP4), path):
        found.append(answer)
        time.sleep(1.2)  # as a stalled write to S3 does
    assert found == [Decoded(b"one", 1, 1, 0), Decoded(b"two", 1, 1, 0)]


def test_a_signal_to_the_group_is_for_the_stage_and_no_reason_to_refuse(pool: DecoderPool, tmp_path: Path) -> None:
    assert list(pool.run(*job(tmp_path, b"asked to stop"))) == [Decoded(b"still here", 1, 1, 0)]


def test_closing_refuses_nothing(tmp_path: Path) -> None:
    """An outage or SIGTERM in the middle of a file must not put that file into quarantine."""
    pool = DecoderPool(1, MEMORY, HOSTILE)
    ends: list[object] = []

    def work(path: Path) -> None:
        try:
            ends.extend(pool.run(*job(path, b"sleep")))
        except StoppedDecoderError as error:
            ends.append(error)

    threads = []
    for name in ("at work", "waiting"):
        (tmp_path / name).mkdir()
        threads.append(threading.Thread(target=work, args=(tmp_path / name,)))
        threads[-1].start()
        time.sleep(0.5)
    pool.close()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert [type(end) for end in ends if not isinstance(end, Decoded)] == [StoppedDecoderError] * 2
