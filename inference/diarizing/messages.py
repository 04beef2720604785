"""Between the messages of speech.v1 and the values of diarization. Pure."""

from dataclasses import dataclass

from speech.v1 import audio_pb2
from speech.v1 import diarization_pb2 as pb

from inference.convert import BadConfig, audio_form
from inference.diarizing.lane import Load
from inference.engines.diarization import DiarizationEvent, Merged, Settled
from inference.intake import AudioForm, Chunk, Encoding, Flush, Request
from inference.types import Turn

MOST_SPEAKERS = 64
"""Largest number that may be asked for at all."""


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """What a client asks for."""

    engine: str
    """Empty: the default."""
    live: bool
    form: AudioForm
    speakers: int
    latency: float | None
    """Seconds; None: the server's default."""


def stream_config(config: pb.DiarizationConfig) -> StreamConfig:
    """Check a config and read it. Raises BadConfig."""
    form = audio_form(config.format)
    if form.encoding is Encoding.CONTAINER:
        raise BadConfig("diarization takes samples, not a container")
    if config.speakers > MOST_SPEAKERS:
        raise BadConfig(f"speakers is 0 to {MOST_SPEAKERS}")
    latency = config.latency_milliseconds / 1000 if config.HasField("latency_milliseconds") else None
    if latency is not None and not 0.1 <= latency <= 30:
        raise BadConfig("latency_milliseconds is 100 to 30000")
    return StreamConfig(
        engine=config.engine,
        live=config.mode == pb.DIARIZATION_MODE_LIVE,
        form=form,
        speakers=config.speakers,
        latency=latency,
    )


def request(message: pb.DiarizeRequest) -> Request:
    """Read a request between config and finish."""
    if message.WhichOneof("payload") == "flush":
        return Flush()
    chunk = message.audio
    return Chunk(chunk.data, chunk.offset if chunk.HasField("offset") else None)


def ready(engine: str, *, max_speakers: int, latency: float) -> pb.DiarizeResponse:
    """Say that the stream is open."""
    return pb.DiarizeResponse(
        ready=pb.DiarizationReady(engine=engine, max_speakers=max_speakers, latency_milliseconds=round(latency * 1000))
    )


def response(event: DiarizationEvent) -> pb.DiarizeResponse:
    """Write an event of a stream."""
    match event:
        case Turn(start, end, speaker, provisional, overlapped):
            return pb.DiarizeResponse(
                turn=pb.Turn(start=start, end=end, speaker=speaker, provisional=provisional, overlapped=overlapped)
            )
        case Merged(gone, kept):
            return pb.DiarizeResponse(speaker_merged=pb.SpeakerMerged(**{"from": gone, "into": kept}))
        case Settled(time):
            return pb.DiarizeResponse(horizon=pb.Horizon(time=time))


def draining(processed: float) -> pb.DiarizeResponse:
    """Say that the server is going away."""
    return pb.DiarizeResponse(draining=pb.DiarizationDraining(processed_seconds=processed))


def done(*, audio: float, speech: float, speakers: int) -> pb.DiarizeResponse:
    """Say that everything is final."""
    usage = audio_pb2.AudioUsage(audio_seconds=audio, speech_seconds=min(audio, speech))
    return pb.DiarizeResponse(done=pb.DiarizationDone(usage=usage, speakers=speakers))


def load(loads: list[Load], *, streams: int, stream_limit: int, draining: bool) -> audio_pb2.Load:
    """Sum the loads of all engines up."""
    return audio_pb2.Load(
        streams=streams,
        stream_limit=stream_limit,
        slots=sum(each.slots for each in loads),
        slots_in_use=sum(each.slots_in_use for each in loads),
        queued=sum(each.queued for each in loads),
        queue_limit=sum(each.queue_limit for each in loads),
        queue_delay_seconds=max((each.delay for each in loads), default=0.0),
        draining=draining,
    )
