"""A place to try Phasewise in: accounts named by role and one API key, the same at every start."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from cds.keys import holder, issue
from cds.record.origin import from_command
from cds.service import Service
from knowledge import people
from knowledge.models import Role


@dataclass(frozen=True, slots=True)
class Demo:
    """What a newcomer signs in and asks with. Made at random for each place; never for patients."""

    password: str
    api_key: str


def prepare(service: Service, folder: Path) -> Demo:
    """Make the demo accounts and key where they are missing; their secrets stay in a file only its owner reads."""
    demo = _kept(folder / "demo.json")
    with service.sessions() as session:
        from_command(session)
        at = service.now()
        for role in Role:
            if people.named(session, role.value) is None:
                people.add(session, role.value, role, demo.password, by=None, at=at)
        if holder(session, demo.api_key) is None:
            issue(session, "demo", by=None, at=at, key=demo.api_key)
        session.commit()
    return demo


def _kept(path: Path) -> Demo:
    if path.is_file():
        return Demo(**json.loads(path.read_text(encoding="utf-8")))
    demo = Demo(password=secrets.token_urlsafe(12), api_key=f"pw_demo_{secrets.token_urlsafe(24)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(json.dumps(asdict(demo)), encoding="utf-8")
    return demo
