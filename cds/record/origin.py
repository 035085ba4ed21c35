"""From where events of the command line come, and from whose account."""

from __future__ import annotations

import getpass
from contextlib import suppress

from sqlalchemy.orm import Session

COMMAND = "command"


def from_command(session: Session) -> Session:
    """Have the events of a session say that they come from the command line, and from which account of the system."""
    session.info["origin"] = COMMAND
    # In a container the account may have no name.
    with suppress(KeyError, OSError):
        session.info["account"] = getpass.getuser()
    return session
