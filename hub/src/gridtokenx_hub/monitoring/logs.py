"""Logs as JSON, one object a line, with the id of the request that a line belongs to."""

import contextvars
import datetime as dt
import json
import logging
import sys

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")
"""Of the HTTP request that is worked on; empty outside of one."""


class JsonFormatter(logging.Formatter):
    """Writes `time`, `level`, `logger`, `message`, and where there are any `request_id`, `trace`.

    What a line is about in machine-readable form goes with it as `extra={"facts": {...}}`.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = dt.datetime.fromtimestamp(record.created, dt.UTC)
        line = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if current := request_id.get():
            line["request_id"] = current
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure_logs() -> None:
    """Log to standard error: of the hub what informs, of libraries what warns."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("gridtokenx_hub").setLevel(logging.INFO)
