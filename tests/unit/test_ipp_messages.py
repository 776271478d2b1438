"""IPP messages are written and read as RFC 8010 has them, and what is none is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.wire.ipp import Attribute, Group, IppError, Message, Operation, Tag, decode, operation

PRINT_JOB = bytes.fromhex(
    "0101" "0002" "00000001" "01"
    "47" "0012" "617474726962757465732d63686172736574" "0005" "7574662d38"
    "48" "001b" "617474726962757465732d6e61747572616c2d6c616e6775616765" "0005" "656e2d7573"
    "45" "000b" "7072696e7465722d757269" "002c"
    "6970703a2f2f7072696e7465722e6578616d706c652e636f6d2f6970702f7072696e742f70696e6574726565"
    "42" "0008" "6a6f622d6e616d65" "0006" "666f6f626172"
    "22" "0016" "6970702d6174747269627574652d666964656c697479" "0001" "01"
    "02"
    "21" "0006" "636f70696573" "0004" "00000014"
    "44" "0005" "7369646573" "0013" "74776f2d73696465642d6c6f6e672d65646765"
    "03"
)  # fmt: skip
"""The Print-Job request of RFC 8010, appendix A.1."""


def of_the_rfc() -> Message:
    operation = (
        Attribute.of("attributes-charset", Tag.CHARSET, "utf-8"),
        Attribute.of("attributes-natural-language", Tag.LANGUAGE, "en-us"),
        Attribute.of("printer-uri", Tag.URI, "ipp://printer.example.com/ipp/print/pinetree"),
        Attribute.of("job-name", Tag.NAME, "foobar"),
        Attribute.of("ipp-attribute-fidelity", Tag.BOOLEAN, True),
    )
    job = (
        Attribute.of("copies", Tag.INTEGER, 20),
        Attribute.of("sides", Tag.KEYWORD, "two-sided-long-edge"),
    )
    return Message(Operation.PRINT_JOB, 1, ((Group.OPERATION, operation), (Group.JOB, job)), 0x0101)


def test_the_example_of_the_standard_is_written_and_read() -> None:
    assert of_the_rfc().encode() == PRINT_JOB
    told, document = decode(PRINT_JOB + b"%PDF")
    assert told == of_the_rfc()
    assert document == b"%PDF"
    assert told.attributes(Group.JOB)["copies"].numbers == (20,)
    assert told.attributes(Group.OPERATION)["ipp-attribute-fidelity"].flags == (True,)


def test_a_message_that_is_cut_short_anywhere_is_refused() -> None:
    for length in range(len(PRINT_JOB)):
        with pytest.raises(IppError):
            decode(PRINT_JOB[:length])


def test_several_values_texts_with_a_language_and_the_parts_of_a_collection_are_told_apart() -> None:
    reasons = Attribute.of("printer-state-reasons", Tag.KEYWORD, "media-jam", "cover-open")
    named = Attribute("job-name", ((Tag.NAME_WITH_LANGUAGE, b"\0\2nl\0\4brie"),))
    collection = Attribute(
        "media-col", ((0x34, b""), (0x4A, b"copies"), (Tag.INTEGER, b"\0\0\0\7"), (0x37, b""))
    )
    sent = Message(0, 7, ((Group.PRINTER, (reasons, named, collection)),))
    told = decode(sent.encode())[0].attributes(Group.PRINTER)
    assert told["printer-state-reasons"].texts == ("media-jam", "cover-open")
    assert told["job-name"].texts == ("brie",)
    assert told["media-col"].values == collection.values


@given(
    st.lists(
        st.tuples(
            st.sampled_from([Group.OPERATION, Group.JOB, Group.PRINTER]),
            st.lists(
                st.builds(
                    Attribute,
                    st.text("abcdefghij-", min_size=1),
                    st.lists(st.tuples(st.just(int(Tag.TEXT)), st.binary(max_size=40)), min_size=1).map(
                        tuple
                    ),
                )
            ).map(tuple),
        )
    ).map(tuple),
    st.binary(max_size=40),
)
def test_what_is_written_is_read_again(
    groups: tuple[tuple[int, tuple[Attribute, ...]], ...], document: bytes
) -> None:
    message = Message(Operation.VALIDATE_JOB, 3, groups)
    assert decode(message.encode() + document) == (message, document)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (b"\2\0\0\0\0\0\0\1\x21\0\0\0\0\3", "where a group begins"),
        (b"\2\0\0\0\0\0\0\1\4\x44\0\0\0\0\3", "further value of no attribute"),
        (b"\2\0\0\0\0\0\0\1\4\x21\0\1a\0\2\0\0\3", "integer of 2 bytes"),
        (b"\2\0\0\0\0\0\0\1\4\x22\0\1a\0\2\0\0\3", "boolean of 2 bytes"),
        (b"\2\0\0\0\0\0\0\1\4\x44\0\1\xff\0\0\3", "not in ASCII"),
        (b"\2\0\0\0\0\0\0\1\4\x44\xff\xff", "claims 65535 bytes"),
    ],
)
def test_what_is_no_message_is_refused_with_the_reason(wrong: bytes, why: str) -> None:
    with pytest.raises(IppError, match=why):
        decode(wrong)


def test_what_ipp_cannot_carry_is_not_sent() -> None:
    with pytest.raises(IppError, match="too long"):
        operation(Operation.PRINT_JOB, 1, [Attribute.of("job-name", Tag.NAME, "x" * 40_000)]).encode()
    with pytest.raises(IppError, match="32 bits"):
        Attribute.of("copies", Tag.INTEGER, 1 << 40)
