"""Installs the engines of others: `python -m tests.cql`."""

from __future__ import annotations

from tests.cql.engines import install

install()
