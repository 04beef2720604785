"""A recording planned on one stream and decoded window by window says what it says on a single stream."""

import pytest
from speech.v1 import audio_pb2
from speech.v1 import transcription_pb2 as pb

from inference.types import SAMPLE_RATE
from rpc.errors import InvalidArgument, from_rpc_error
from tests.scripted_transcription import FILE, LIVE, converse, office, requests, segments, speech

TALK = speech((1.0, 4.0), (4.5, 9.0), (12.0, 20.0), (20.4, 41.0), (50.0, 52.5), seconds=56.0)


def sentence(config: pb.TranscriptionConfig, pcm: bytes) -> list[pb.TranscribeRequest]:
    chunks = [pcm[start : start + 65_536] for start in range(0, len(pcm), 65_536)]
    return [
        pb.TranscribeRequest(config=config),
        *(pb.TranscribeRequest(audio=audio_pb2.AudioChunk(data=chunk)) for chunk in chunks),
        pb.TranscribeRequest(finish=audio_pb2.Finish()),
    ]


def cut(window: pb.PlannedWindow) -> bytes:
    pcm = TALK if isinstance(TALK, bytes) else TALK.tobytes()
    return pcm[2 * round(window.span.start * SAMPLE_RATE) : 2 * round(window.span.end * SAMPLE_RATE)]


async def test_windows_of_a_plan_decode_to_the_same_segments() -> None:
    async with office() as place:
        whole = await converse(place.stub, requests(TALK))
        pcm = TALK if isinstance(TALK, bytes) else TALK.tobytes()
        plan = await converse(place.stub, sentence(pb.TranscriptionConfig(mode=FILE, plan_only=True), pcm))
        language = next(one.language_detected.language for one in plan if one.HasField("language_detected"))
        windows = [one.window for one in plan if one.WhichOneof("event") == "window"]
        assert len(windows) > 1
        assert not segments(plan)
        pieces: list[pb.TranscribeResponse] = []
        for window in windows:
            config = pb.TranscriptionConfig(mode=FILE, language=language, window=window)
            pieces += await converse(place.stub, sentence(config, cut(window)))
    assert segments(pieces) == segments(whole)


@pytest.mark.parametrize(
    "config",
    [
        pb.TranscriptionConfig(mode=LIVE, plan_only=True),
        pb.TranscriptionConfig(mode=FILE, window=pb.PlannedWindow(span=audio_pb2.TimeSpan(start=5, end=2))),
        pb.TranscriptionConfig(mode=FILE, window=pb.PlannedWindow(span=audio_pb2.TimeSpan(start=0, end=31))),
        pb.TranscriptionConfig(
            mode=FILE,
            window=pb.PlannedWindow(
                span=audio_pb2.TimeSpan(start=0, end=1), speech=[audio_pb2.TimeSpan(start=0.5, end=2)]
            ),
        ),
        pb.TranscriptionConfig(
            mode=FILE, plan_only=True, window=pb.PlannedWindow(span=audio_pb2.TimeSpan(start=0, end=1))
        ),
        pb.TranscriptionConfig(mode=FILE, window=pb.PlannedWindow(span=audio_pb2.TimeSpan(start=0, end=1))),
    ],
    ids=["live", "backwards", "too-long", "speech-outside", "both", "too-much-audio"],
)
async def test_what_is_no_window_is_refused(config: pb.TranscriptionConfig) -> None:
    import grpc

    async with office() as place:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await converse(place.stub, sentence(config, bytes(3 * 2 * SAMPLE_RATE)))
    assert isinstance(from_rpc_error(failed.value), InvalidArgument)
