"""A Merkle tree as in RFC 6962, section 2.1, grown leaf by leaf in memory that only grows with its height."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import islice


class NotInTree(ValueError):
    """There are not as many leaves as were said, or the path is not one in such a tree."""


class Tree:
    """The tree over all leaves so far; a leaf and a node are hashed apart, so neither passes for the other."""

    def __init__(self) -> None:
        self.count = 0
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        self.graft(sha256(b"\x00" + leaf).digest(), 0)

    def graft(self, node: bytes, height: int) -> None:
        """Add 2 ** height leaves by their root alone; so far the tree must hold a multiple of as many."""
        full = self.count >> height
        while full & 1:
            node = _joined(self._peaks.pop(), node)
            full >>= 1
        self._peaks.append(node)
        self.count += 1 << height

    def root(self) -> bytes:
        """The tree's head, 32 bytes; of no leaves it is the SHA-256 of nothing."""
        if not self._peaks:
            return sha256().digest()
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = _joined(peak, node)
        return node


def path_to(index: int, count: int, leaves: Iterable[bytes]) -> list[bytes]:
    """What is needed beside the leaf at `index` to come to the root over `count` leaves, the lowest first.

    The audit path of section 2.1.1. The leaves are read once, in order. Raises NotInTree when they end too early.
    """
    leaves, roots = iter(leaves), {}
    for start, end in sorted([*_beside(index, count), (index, index + 1)]):
        tree = Tree()
        for leaf in islice(leaves, end - start):
            tree.add(leaf)
        if tree.count != end - start:
            raise NotInTree(f"There are {start + tree.count} leaves of the {count}.")
        roots[start] = tree.root()
    return path_by(index, count, lambda start, _: roots[start])


def path_by(index: int, count: int, root: Callable[[int, int], bytes]) -> list[bytes]:
    """The same path by the roots of subtrees, each asked for by its first leaf and the one after its last."""
    return [root(start, end) for start, end in reversed(list(_beside(index, count)))]


def root_by(path: Sequence[bytes], leaf: bytes, index: int, count: int) -> bytes:
    """The root to which a path leads from a leaf. Raises NotInTree when no such path is in a tree of `count` leaves."""
    beside = list(_beside(index, count))
    if len(beside) != len(path):
        raise NotInTree(f"The path has {len(path)} steps; to leaf {index} of {count} there are {len(beside)}.")
    node = sha256(b"\x00" + leaf).digest()
    for (start, _), other in zip(reversed(beside), path, strict=True):
        node = _joined(other, node) if start < index else _joined(node, other)
    return node


def _beside(index: int, count: int) -> Iterator[tuple[int, int]]:
    """The subtrees beside the way from the root down to a leaf, each as the range of its leaves."""
    if not 0 <= index < count:
        raise NotInTree(f"There is no leaf {index} among {count}.")
    start, end = 0, count
    while end - start > 1:
        middle = start + (1 << (end - start - 1).bit_length() - 1)
        if index < middle:
            yield middle, end
            end = middle
        else:
            yield start, middle
            start = middle


def _joined(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()
