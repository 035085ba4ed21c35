"""The server's log: one line of JSON on standard error for each event, without the values of any patient."""

from __future__ import annotations

import sys
from typing import Any

import structlog


def start() -> None:
    """Send every event there. A stack trace shows lines of code, and never what stood in the variables."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=_logger,
    )


def _logger(*_: Any) -> structlog.PrintLogger:
    return structlog.PrintLogger(sys.stderr)
