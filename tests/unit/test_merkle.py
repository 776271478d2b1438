"""The Merkle tree: every root and proof is that of RFC 6962, written down here as it stands there."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.audit.checker import root_from_proof, roots
from batch.audit.merkle import Frontier, Tree, leaf_hash, node_hash

ENTRIES = st.lists(st.binary(max_size=8), max_size=70)


def mth(entries: list[bytes]) -> bytes:
    """Section 2.1, word by word."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = split(len(entries))
    return hashlib.sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def path(m: int, entries: list[bytes]) -> list[bytes]:
    """Section 2.1.1, word by word."""
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def subproof(m: int, entries: list[bytes], whole: bool) -> list[bytes]:
    """Section 2.1.2, word by word."""
    if m == len(entries):
        return [] if whole else [mth(entries)]
    k = split(len(entries))
    if m <= k:
        return [*subproof(m, entries[:k], whole), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], False), mth(entries[:k])]


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def frontier_of(entries: list[bytes]) -> Frontier:
    frontier = Frontier()
    for entry in entries:
        frontier.add(leaf_hash(entry))
    return frontier


def tree_of(entries: list[bytes]) -> Tree:
    return Tree(b"".join(map(leaf_hash, entries)))


@given(ENTRIES)
def test_roots_are_those_of_the_standard_at_every_size(entries: list[bytes]) -> None:
    tree, frontier = tree_of(entries), Frontier()
    sizes = set(range(1, len(entries) + 1))
    assert frontier.root() == tree.root(0) == mth([])
    for size, entry in enumerate(entries, 1):
        frontier.add(leaf_hash(entry))
        assert frontier.root() == tree.root(size) == mth(entries[:size])
    assert roots([leaf_hash(entry) for entry in entries], sizes) == {size: tree.root(size) for size in sizes}


@given(ENTRIES, st.data())
def test_a_frontier_goes_on_from_its_peaks_alone(entries: list[bytes], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(entries)))
    before = frontier_of(entries[:cut])
    again = Frontier(before.size, before.peaks)
    for entry in entries[cut:]:
        again.add(leaf_hash(entry))
    assert (again.size, again.root()) == (len(entries), mth(entries))
    with pytest.raises(ValueError, match="peaks"):
        Frontier(before.size, before.peaks + b"\0")


@given(ENTRIES.filter(bool), st.data())
def test_every_inclusion_proof_is_the_standards_and_proves_its_entry_only(
    entries: list[bytes], data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, len(entries)))
    index = data.draw(st.integers(0, size - 1))
    tree = tree_of(entries)
    proof = list(tree.inclusion(index, size))
    assert proof == path(index, entries[:size])
    leaf, root = leaf_hash(entries[index]), tree.root(size)
    assert root_from_proof(leaf, index, size, proof) == root
    assert root_from_proof(leaf_hash(entries[index] + b"!"), index, size, proof) != root
    assert root_from_proof(leaf, index, size, [*proof, root]) is None
    if proof:
        assert root_from_proof(leaf, index, size, proof[:-1]) != root


@given(ENTRIES.filter(bool), st.data())
def test_every_consistency_proof_is_the_standards(entries: list[bytes], data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(entries)))
    old = data.draw(st.integers(1, size))
    assert list(tree_of(entries).consistency(old, size)) == subproof(old, entries[:size], True)


def test_no_proof_is_made_for_what_is_not_there() -> None:
    tree = tree_of([b"a", b"b"])
    for index, size in ((2, 2), (0, 3), (-1, 2)):
        with pytest.raises(ValueError, match="no such leaf"):
            tree.inclusion(index, size)
    for old, size in ((0, 2), (2, 1), (1, 3)):
        with pytest.raises(ValueError, match="no trees"):
            tree.consistency(old, size)


def test_leaves_and_nodes_are_told_apart() -> None:
    """RFC 6962 §2.1: without the prefixes two trees could share a root."""
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)
