"""The key by which a site signs what it will be held to: an Ed25519 pair, kept as JSON Web Keys (RFC 8037) in files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from knowledge.errors import KnowledgeError

CURVE = "Ed25519"


class BadKey(KnowledgeError):
    """A file that does not hold the key that is asked for."""


def make(private: Path) -> Path:
    """Make a pair: the private key in `private`, for its owner alone to read, the public one beside it.

    Gives the public one's path. Raises BadKey when there is such a file already.
    """
    public = private.with_name(f"{private.name}.pub")
    for path in (private, public):
        if path.exists():
            raise BadKey(f"{path} is there already: a key is never written over. Take another name.")
    key = OKPKey.generate_key(CURVE)
    _write(private, key.as_dict(private=True), mode=0o600)
    _write(public, {**key.as_dict(private=False), "kid": key.thumbprint()}, mode=0o644)
    return public


def private_key(path: Path) -> OKPKey:
    """The key to sign with. Raises BadKey."""
    key = _key(path)
    if not key.is_private:
        raise BadKey(f"{path} holds a public key. To sign, give the private one, which “phasewise audit key” made.")
    return key


def public_key(path: Path) -> OKPKey:
    """The key to check with. Raises BadKey, also for a private key: whoever checks should not hold it."""
    key = _key(path)
    if key.is_private:
        raise BadKey(f"{path} holds a private key, which stays where it signs. To check, give {path}.pub.")
    return key


def _key(path: Path) -> OKPKey:
    try:
        found = json.loads(path.read_text("utf-8"))
        if found["kty"] != "OKP" or found["crv"] != CURVE:
            raise BadKey(f"{path} holds a key of another kind: a site signs with {CURVE}.")
        return OKPKey.import_key(found)
    except (ValueError, TypeError, KeyError, AttributeError, JoseError):
        raise BadKey(f"{path} holds no key: give a file that “phasewise audit key” made.") from None


def _write(path: Path, key: Mapping[str, object], *, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(key, indent=2, sort_keys=True) + "\n")
