import json
import logging

import pytest

from nightjar.runtime.logs import JsonFormatter
from nightjar.runtime.progress import Progress


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


def test_a_log_line_is_json_with_its_context_and_one_line_for_any_text() -> None:
    record = logging.makeLogRecord({"msg": 'a\n"b" %s', "args": ("ü",), "levelname": "INFO", "camera": "alice-porch"})
    text = JsonFormatter(run="r", shard=None).format(record)
    line = json.loads(text)
    assert "\n" not in text
    assert line["message"] == 'a\n"b" ü'
    assert (line["run"], line["camera"]) == ("r", "alice-porch")
    assert "shard" not in line
