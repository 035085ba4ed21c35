"""What the record asks for from time to time: new decisions sealed into the chain, counted, and the rules watched."""

from __future__ import annotations

from datetime import timedelta

from cds.firing.raised import raise_alarms
from cds.record.sealing import LARGEST, seal
from cds.record.tallying import MOST, tally
from cds.service import Service

WATCH_EVERY = timedelta(hours=1)


def keep_up(service: Service) -> int:
    """Seal and count what is new, a batch in a transaction, and say how many decisions were sealed.

    Once an hour the firing of the rules is looked at too.
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


def watch(service: Service) -> None:
    """Look at how often each rule fires, unless it was done within the hour; new alarms become events."""
    now, last = service.now(), service.watched_at
    if last is not None and now - last < WATCH_EVERY:
        return
    with service.sessions() as session:
        found = service.watching.current(session, now)
        raise_alarms(session, ((one.watch.key, one.watch.version, one.alarm) for one in found.alarms), at=now)
        session.commit()
    service.counters.alarms.set(len(found.alarms))
    service.watched_at = now
