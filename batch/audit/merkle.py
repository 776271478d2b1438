"""The Merkle tree over the log's entries (RFC 6962 §2.1, SHA-256): roots and proofs.

A `Frontier` grows entry by entry in O(log n) memory; a `Tree` holds all nodes and proves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

SIZE = 32
"""Bytes of a hash."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry as a leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The roots of the complete subtrees from left to right: all that a growing tree needs to know."""

    def __init__(self, size: int = 0, peaks: bytes = b"") -> None:
        """A tree of `size` leaves, from `peaks` as another one gave them; raises `ValueError`."""
        if len(peaks) != size.bit_count() * SIZE:
            raise ValueError("these peaks are not those of a tree of this size")
        self.size = size
        self._peaks = [peaks[at : at + SIZE] for at in range(0, len(peaks), SIZE)]

    @property
    def peaks(self) -> bytes:
        """One hash for every bit set in `size`, the widest subtree first."""
        return b"".join(self._peaks)

    def add(self, leaf: bytes) -> None:
        """Append the hash of a leaf."""
        size = self.size
        while size & 1:
            leaf = node_hash(self._peaks.pop(), leaf)
            size >>= 1
        self._peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        """The root over all leaves so far."""
        if not self._peaks:
            return hashlib.sha256().digest()
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


class Tree:
    """A tree over leaves that are all there; 64 bytes of memory for each."""

    def __init__(self, leaves: bytes) -> None:
        """`leaves`: their hashes, one after the other."""
        self.size = len(leaves) // SIZE
        self._levels: list[bytes] = [leaves]
        while (count := len(self._levels[-1]) // SIZE // 2) > 0:
            below = self._levels[-1]
            pairs = (below[at : at + 2 * SIZE] for at in range(0, count * 2 * SIZE, 2 * SIZE))
            self._levels.append(b"".join(hashlib.sha256(b"\x01" + pair).digest() for pair in pairs))

    def root(self, size: int) -> bytes:
        """The root of the first `size` leaves."""
        return self._root(0, size)

    def inclusion(self, index: int, size: int) -> Sequence[bytes]:
        """The audit path for leaf `index` (from 0) in the tree of `size` leaves (§2.1.1)."""
        if not 0 <= index < size <= self.size:
            raise ValueError("no such leaf in a tree of this size")
        path: list[bytes] = []
        low, high = 0, size
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                path.append(self._root(middle, high))
                high = middle
            else:
                path.append(self._root(low, middle))
                low = middle
        return path[::-1]

    def consistency(self, old: int, size: int) -> Sequence[bytes]:
        """The proof that the tree of `size` leaves goes on from that of `old` leaves (§2.1.2)."""
        if not 0 < old <= size <= self.size:
            raise ValueError("no trees of these sizes")
        proof: list[bytes] = []
        low, high, whole = 0, size, True
        while high != old:
            middle = low + _split(high - low)
            if old <= middle:
                proof.append(self._root(middle, high))
                high = middle
            else:
                proof.append(self._root(low, middle))
                low, whole = middle, False
        if not whole:
            proof.append(self._root(low, high))
        return proof[::-1]

    def _root(self, low: int, high: int) -> bytes:
        width = high - low
        if not width:
            return hashlib.sha256().digest()
        if width & (width - 1) == 0:
            # A left bound is always a multiple of the width below it, so this subtree is a node.
            at = low // width * SIZE
            return self._levels[width.bit_length() - 1][at : at + SIZE]
        middle = low + _split(width)
        return node_hash(self._root(low, middle), self._root(middle, high))


def root_of(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """The root that an audit path leads to (RFC 9162 §2.1.3.2); None where it cannot be one."""
    at, last, root = index, size - 1, leaf
    if not 0 <= index < size:
        return None
    for part in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            root = node_hash(part, root)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            root = node_hash(root, part)
        at, last = at >> 1, last >> 1
    return root if last == 0 else None


def _split(width: int) -> int:
    """The largest power of two below `width`."""
    return 1 << (width - 1).bit_length() - 1
