"""A Merkle tree as in RFC 6962, section 2.1, grown leaf by leaf in memory that only grows with its height."""

from __future__ import annotations

from hashlib import sha256


class Tree:
    """The tree over all leaves so far; a leaf and a node are hashed apart, so neither passes for the other."""

    def __init__(self) -> None:
        self.count = 0
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        node = sha256(b"\x00" + leaf).digest()
        full = self.count
        while full & 1:
            node = _joined(self._peaks.pop(), node)
            full >>= 1
        self._peaks.append(node)
        self.count += 1

    def root(self) -> bytes:
        """The tree's head, 32 bytes; of no leaves it is the SHA-256 of nothing."""
        if not self._peaks:
            return sha256().digest()
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = _joined(peak, node)
        return node


def _joined(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()
