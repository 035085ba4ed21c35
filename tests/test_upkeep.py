"""What the record asks for from time to time is done for as long as the server runs."""

from __future__ import annotations

import threading

import pytest
from structlog.testing import capture_logs

from cds.commands import serving
from cds.service import Service, Settings


def test_sealing_goes_on_after_whatever_went_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(Settings(database_url="sqlite://", seal_every=0))
    rounds, again = iter([ValueError("a bad block"), TimeoutError("no connection left")]), threading.Event()

    def keep_up(_: Service) -> int:
        for problem in rounds:
            raise problem
        again.set()
        return threading.Event().wait()

    monkeypatch.setattr(serving, "keep_up", keep_up)
    with capture_logs() as said:
        serving._seal_now_and_then(service)
        assert again.wait(10)
    assert [(one["event"], one["log_level"]) for one in said] == [("sealing", "error")] * 2
