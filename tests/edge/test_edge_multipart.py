"""The form parser: any feeding gives the same parts, every bound holds, nothing but its own error comes out."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.errors import BadRequest
from edge.multipart import MAX_PARTS, Data, FormParser, MalformedForm, Part, PartEnd, boundary_of

BOUNDARY = b"frontier"

contents = st.lists(
    st.sampled_from([b"a", b"\r\n", b"\r", b"\n", b"--", b"--frontier", b"\r\n--front", b"\x00\xff", b"-", b"x" * 50]),
    max_size=12,
).map(b"".join)
names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters='"\\'), min_size=1, max_size=10
)


def encoded(parts: list[tuple[str, bytes]]) -> bytes:
    body = b"".join(
        b'--frontier\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), content)
        for name, content in parts
    )
    return body + b"--frontier--\r\n"


def parsed(body: bytes, sizes: list[int]) -> tuple[list[tuple[str, bytes]], bool]:
    parser = FormParser(BOUNDARY)
    parts: list[tuple[str, bytes]] = []
    position, turn = 0, 0
    while position < len(body):
        size = sizes[turn % len(sizes)]
        turn += 1
        for event in parser.feed(body[position : position + size]):
            match event:
                case Part(name=name):
                    parts.append((name, b""))
                case Data(data=data):
                    parts[-1] = (parts[-1][0], parts[-1][1] + data)
                case PartEnd():
                    pass
        position += size
    return parts, parser.ended


@settings(deadline=None)
@given(st.lists(st.tuples(names, contents), max_size=5), st.lists(st.integers(1, 90), min_size=1, max_size=5))
def test_any_feeding_gives_the_same_parts(parts: list[tuple[str, bytes]], sizes: list[int]) -> None:
    # A content with a boundary of its own in it is another form.
    parts = [(name, content) for name, content in parts if b"\r\n--frontier" not in b"\r\n" + content]
    expected = [(name.replace("%22", '"'), content) for name, content in parts]
    assert parsed(encoded(parts), sizes) == (expected, True)


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [b"--frontier", b"\r\n", b"--", b"Content-Disposition: form-data; name=a", b"x", b": ", b'"', b"\xff"]
        ),
        max_size=30,
    ),
    st.integers(1, 7),
)
def test_anything_else_is_refused_or_unfinished(pieces: list[bytes], size: int) -> None:
    try:
        parsed(b"".join(pieces), [size])
    except MalformedForm as error:
        assert error.status == 400


@pytest.mark.parametrize(
    "body",
    [
        b"x" * 20_000,
        b"--frontier\r\n" + b"A: b\r\n" * 3000,
        b'--frontier\r\nContent-Disposition: form-data; name="a"; x="' + b"y" * 20_000,
        b"--frontier" + b" " * 100,
        b"--frontierX\r\n\r\n",
        b"--frontier\r\nContent-Type: text/plain\r\n\r\nno name\r\n--frontier--",
        b"--frontier\r\n\r\n\r\n--frontier--",
        b"--frontier\r\nContent-Disposition: form-data; name=a\r\nContent-Encoding: gzip\r\n\r\nx\r\n--frontier--",
        encoded([("a", b"")] * (MAX_PARTS + 1)),
    ],
    ids=[
        "preamble",
        "headers",
        "long header",
        "after the boundary",
        "another boundary",
        "no name",
        "no headers",
        "encoded",
        "parts",
    ],
)
@pytest.mark.parametrize("size", [1, 1 << 20])
def test_bounds(body: bytes, size: int) -> None:
    with pytest.raises(MalformedForm):
        parsed(body, [size])


def test_memory_is_bounded_whatever_is_fed() -> None:
    parser = FormParser(BOUNDARY)
    list(parser.feed(b"--frontier\r\nContent-Disposition: form-data; name=file\r\n\r\n"))
    for _ in range(100):
        list(parser.feed(b"\r\n--frontie" * 10_000))
        assert len(parser._buffer) < 100


def test_names_of_files() -> None:
    for written, read in (
        ('filename="a.wav"', "a.wav"),
        ("filename=a.wav", "a.wav"),
        ('filename="say \\"hi\\".wav"', 'say "hi".wav'),
        ('filename="say %22hi%22.wav"', 'say "hi".wav'),
        ("filename=\"x\"; filename*=UTF-8''%C3%A4.wav", "\u00e4.wav"),
        ('filename="\u00e4.wav"', "\u00e4.wav"),
        ("filename*=klingon''x", None),
    ):
        block = f"--frontier\r\ncontent-disposition: form-data; name=file; {written}\r\n\r\n".encode()
        assert list(FormParser(BOUNDARY).feed(block)) == [Part("file", read)]


def test_the_boundary() -> None:
    assert boundary_of('multipart/form-data; boundary="a b"') == b"a b"
    for bad in (
        "",
        "text/plain",
        "multipart/form-data",
        "multipart/mixed; boundary=a",
        "multipart/form-data; boundary=" + "x" * 71,
    ):
        with pytest.raises(BadRequest):
            boundary_of(bad)
