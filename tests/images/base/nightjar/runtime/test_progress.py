"""Progress: log lines for machines, a bar for people at a terminal."""

import fcntl
import io
import json
import logging
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest

from nightjar.runtime.logs import JsonFormatter
from nightjar.runtime.progress import Progress

PROGRAM = """
import logging, sys
from nightjar.runtime.logs import configure_logging
from nightjar.runtime.progress import Progress

configure_logging(run="r")
progress = Progress("pictures", 20)
for number in range(20):
    progress.add()
    if number == 9:
        logging.info("a decoder ended")
progress.finish()
Progress("none", 0).finish()
print("tqdm" in sys.modules)
"""


class Terminal(io.StringIO):
    """Where a person looks on."""

    def isatty(self) -> bool:
        return True


def test_progress_is_logged_now_and_then_with_rate_and_rest(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    with caplog.at_level(logging.INFO):
        progress = Progress("pictures", total=100, every=10, clock=lambda: now[0])
        progress.add(5)
        now[0] = 10.0
        progress.add(15)
        progress.add(1)
        progress.finish()
    assert [record.message for record in caplog.records] == [
        "pictures: 20 of 100, 2.0 a second",
        "pictures: 21 of 100, 2.1 a second",
    ]
    assert vars(caplog.records[0])["seconds_left"] == 40


@pytest.mark.parametrize(
    ("total", "steps", "drawn"),
    [
        (100, [60, 40], "100%"),
        (100, [60], "60%"),
        (100, [], "0%"),
        (None, [3], "pictures: 3it"),
    ],
)
def test_on_a_terminal_it_is_a_bar_and_no_log(
    total: int | None, steps: list[int], drawn: str, caplog: pytest.LogCaptureFixture
) -> None:
    terminal = Terminal()
    with caplog.at_level(logging.INFO):
        progress = Progress("pictures", total, every=0, terminal=terminal)
        for step in steps:
            progress.add(step)
        progress.finish()
        progress.finish()
    assert drawn in terminal.getvalue().split("\r")[-1]
    assert caplog.records == []


def test_nothing_to_do_draws_and_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    terminal = Terminal()
    with caplog.at_level(logging.INFO):
        Progress("pictures", 0, terminal=terminal).finish()
        Progress("pictures", 0).finish()
    assert terminal.getvalue() == "" and caplog.records == []


def test_log_lines_stand_above_the_bar_on_a_terminal() -> None:
    """A whole program on a real pseudo-terminal: every log line is a line of its own, whatever is drawn around it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    program = subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    text = b""
    while chunk := _read(ours):
        text += chunk
    os.close(ours)
    assert program.wait() == 0
    lines = text.decode().replace("\r\n", "\n").split("\n")
    [logged] = [line.rpartition("\r")[2] for line in lines if "a decoder ended" in line]
    assert json.loads(logged)["message"] == "a decoder ended"
    assert "pictures: 100%" in text.decode()


def test_where_nobody_looks_on_the_library_of_bars_is_not_even_loaded() -> None:
    result = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert result.stderr == ""
    assert result.stdout.splitlines()[-1] == "False"
    messages = [json.loads(line)["message"] for line in result.stdout.splitlines()[:-1]]
    assert [message.partition(",")[0] for message in messages] == [
        "a decoder ended",
        "pictures: 20 of 20",
    ]


def _read(terminal: int) -> bytes:
    """The next bytes of a pseudo-terminal; none once its other end is closed, which Linux tells by an error."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""


def test_a_log_line_is_json_with_its_context_and_one_line_for_any_text() -> None:
    record = logging.makeLogRecord({"msg": 'a\n"b" %s', "args": ("ü",), "levelname": "INFO", "camera": "alice-porch"})
    text = JsonFormatter(run="r", shard=None).format(record)
    line = json.loads(text)
    assert "\n" not in text
    assert line["message"] == 'a\n"b" ü'
    assert (line["run"], line["camera"]) == ("r", "alice-porch")
    assert "shard" not in line
