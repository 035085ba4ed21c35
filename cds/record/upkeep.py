"""What the record asks for from time to time: new decisions sealed into the chain, and counted."""

from __future__ import annotations

from cds.record.sealing import LARGEST, seal
from cds.record.tallying import MOST, tally
from cds.service import Service


def keep_up(service: Service) -> int:
    """Seal and count what is new, a batch in a transaction, and say how many decisions were sealed."""
    sealed = 0
    with service.sessions() as session:
        while True:
            found = seal(session, service.now())
            session.commit()
            sealed += found
            if found < LARGEST:
                break
        while True:
            counted = tally(session)
            session.commit()
            if counted < MOST:
                return sealed
