"""Writes anew, after a new migration, what knowledge.structure holds databases against: python -m tests.structures"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, text

from knowledge.database import connect, upgrade
from knowledge.structure import AS_MADE, MIGRATION, parts
from tests.databases import BOTH, empty_database


def structure(connection: Connection) -> dict[str, str]:
    """What stands in a database now, as the files hold it."""
    migration = connection.scalars(text("SELECT version_num FROM alembic_version")).one()
    return {MIGRATION: migration, **{name: made for name, made, _ in sorted(parts(connection))}}


def main() -> None:
    for dialect in BOTH:
        with TemporaryDirectory() as folder, empty_database(dialect, Path(folder)) as url:
            engine = connect(url, owner=True)
            upgrade(engine)
            with engine.connect() as connection:
                written = json.dumps(structure(connection), ensure_ascii=False, indent=1)
            engine.dispose()
        (AS_MADE / f"{dialect}.json").write_text(written + "\n", "utf-8")


if __name__ == "__main__":
    main()
