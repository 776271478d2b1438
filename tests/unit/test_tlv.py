"""BER-TLV is written as others read it, and nothing malformed is taken for data."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.wire import tlv

TAGS = st.sampled_from([0x53, 0x5C, 0x70, 0x71, 0x7C, 0x80, 0xFE, 0x7F49, 0x9F7F, 0x5FC102])


@pytest.mark.parametrize(
    ("size", "head"),
    [(0, "5300"), (127, "537f"), (128, "538180"), (255, "5381ff"), (256, "53820100"), (65536, "5383010000")],
)
def test_lengths_take_as_many_bytes_as_they_need(size: int, head: str) -> None:
    value = bytes(size)
    assert tlv.encode(0x53, value) == bytes.fromhex(head) + value


@given(st.lists(st.tuples(TAGS, st.binary(max_size=300))))
def test_what_was_written_is_read_again(pairs: list[tuple[int, bytes]]) -> None:
    assert list(tlv.decode(tlv.encode_all(pairs))) == pairs


@given(st.binary(max_size=60))
def test_any_bytes_are_either_data_or_refused(data: bytes) -> None:
    try:
        pairs = list(tlv.decode(data))
    except tlv.TlvError:
        return
    assert sum(len(value) for _, value in pairs) <= len(data)


@pytest.mark.parametrize("cut", ["53", "5305", "5381", "538180", "7F", "7F49", "538000", "53850000000001"])
def test_cut_short_or_indefinite_is_refused(cut: str) -> None:
    with pytest.raises(tlv.TlvError):
        list(tlv.decode(bytes.fromhex(cut)))


def test_a_missing_tag_is_none_or_an_error_as_asked() -> None:
    data = tlv.encode(0x80, b"a") + tlv.encode(0x81, b"b")
    assert tlv.find(data, 0x81) == b"b"
    assert tlv.find(data, 0x82) is None
    with pytest.raises(tlv.TlvError, match="82"):
        tlv.need(data, 0x82)


def test_an_object_is_named_by_the_bytes_of_its_tag() -> None:
    assert tlv.number(0x5FC102) == bytes.fromhex("5fc102")
    assert tlv.number(0x7E) == b"\x7e"
