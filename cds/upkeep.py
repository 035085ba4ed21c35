"""What the record asks for from time to time: new decisions sealed into the chain, counted, and the rules watched."""

from __future__ import annotations

from cds.firing.watched import watch
from cds.record.sealing import LARGEST, seal
from cds.record.tallying import MOST, tally
from cds.service import Service


def keep_up(service: Service) -> int:
    """Seal and count what is new, a batch in a transaction, and say how many decisions were sealed.

    At most once an hour the firing of the rules is looked at too.
    """
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
                break
    watch(service)
    return sealed
