"""Mutated forms and options: whatever comes, only typed refusals go out. FUZZ_SECONDS makes the run longer."""

import os
import random
import time

import pytest

from edge.errors import ApiError
from edge.live.config import LiveOptions, from_message, from_query, parse_message
from edge.multipart import Data, FormParser, boundary_of
from edge.options import Options, parse_options

SECONDS = float(os.environ.get("FUZZ_SECONDS", "3"))
FORM = (
    b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nsmall\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    b"\x00\x01RIFF--b\r\n\r\n--b--\r\n"
)
PIECES = [
    b"\r\n",
    b"--b",
    b"--",
    b'"',
    b"\\",
    b";",
    b"name=",
    b"filename*=utf-8''%",
    b"\x00",
    b"\xff" * 9,
    b":",
    b"b" * 80,
]
VALUES = [
    "",
    " ",
    "true",
    "0",
    "-1",
    "1e9",
    "9" * 30,
    "small",
    "en-US",
    "auto",
    "\u0660",
    "nan",
    "\x00",
    "a" * 2000,
    "srt",
]
NAMES = ["model", "language", "diarize", "speakers", "response_format", "hotwords", "prompt", "x"]
LIVE = [*NAMES, "interim", "sample_rate", "encoding", "action"]


def mutated(source: random.Random, form: bytes) -> bytes:
    made = bytearray(form)
    for _ in range(source.randint(1, 6)):
        place = source.randrange(len(made) + 1)
        match source.randrange(4):
            case 0:
                made[place:place] = source.choice(PIECES)
            case 1:
                del made[place : place + source.randint(1, 20)]
            case 2 if place < len(made):
                made[place] = source.randrange(256)
            case _:
                made[place:place] = made[: source.randint(0, 200)]
    return bytes(made)


def try_form(source: random.Random) -> bool:
    body = mutated(source, FORM)
    size = source.choice([1, 3, 50, 4096])
    parser = FormParser(b"b")
    try:
        held = sum(
            len(event.data)
            for start in range(0, len(body), size)
            for event in parser.feed(body[start : start + size])
            if isinstance(event, Data)
        )
    except ApiError as error:
        assert 400 <= error.status < 500
        return False
    assert held <= len(body)
    return parser.ended


def try_options(source: random.Random) -> bool:
    try:
        made = parse_options({name: source.choice(VALUES) for name in source.sample(NAMES, source.randint(0, 5))})
    except ApiError as error:
        assert error.status == 400
        return False
    return isinstance(made, Options)


def try_live(source: random.Random) -> bool:
    values = [*VALUES, 7, -1, 1.5, None, True, [], ["a"], [1], {}, 48_000]
    fields = {name: source.choice(values) for name in source.sample(LIVE, source.randint(0, 5))}
    try:
        base = from_query({name: value for name, value in fields.items() if isinstance(value, str)})
        return isinstance(from_message(fields, base), LiveOptions)
    except ApiError as error:
        assert error.status == 400
        return False


def try_text(source: random.Random) -> bool:
    text = "".join(
        source.choice(['{"action": ', "}", "[", '"', "\\u0000", "1" * 5000, "stop", "\ud800"]) for _ in range(4)
    )
    try:
        return isinstance(parse_message(text), dict)
    except ApiError as error:
        assert error.status == 400
        return False


def try_content_type(source: random.Random) -> bool:
    text = mutated(source, b'multipart/form-data; boundary="b"').decode("latin-1")
    try:
        return bool(boundary_of(text))
    except ApiError as error:
        assert error.status == 400
        return False


def test_only_typed_refusals_go_out(capsys: pytest.CaptureFixture[str]) -> None:
    source = random.Random(20_260_101)
    counts = dict.fromkeys((try_form, try_options, try_live, try_text, try_content_type), 0)
    taken = dict.fromkeys(counts, 0)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end or not all(taken[each] for each in (try_form, try_options, try_live)):
        for each in counts:
            counts[each] += 1
            taken[each] += each(source)
    with capsys.disabled():
        shown = ", ".join(f"{each.__name__} {counts[each]} ({taken[each]} taken)" for each in counts)
        print(f"\nfuzzed: {shown}")  # noqa: T201 - the count is part of the result
