"""Logs as JSON lines on standard output, each with run, shard and (where it is about one) camera."""

import json
import logging
import sys
from datetime import UTC, datetime

from nightjar.runtime.progress import log_handler

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, message, the bound context and whatever `extra` holds."""

    def __init__(self, **context: str | None) -> None:
        super().__init__()
        self._context = {k: v for k, v in context.items() if v}

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **self._context,
            **{k: v for k, v in vars(record).items() if k not in _STANDARD},
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure_logging(level: str = "INFO", **context: str | None) -> None:
    """Send all logs of this process to standard output as JSON lines that carry `context`."""
    handler = log_handler(sys.stdout)
    handler.setFormatter(JsonFormatter(**context))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("botocore", "boto3", "urllib3", "s3transfer", "PIL", "matplotlib"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
