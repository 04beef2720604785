"""The servicer of speech.v1.SummarizationService: it translates between streams and sessions."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress

import grpc
from speech.v1 import audio_pb2, summarization_pb2, summarization_pb2_grpc

from rpc.errors import ServiceError
from rpc.stream import Inbound, Sequence
from summarizer import convert
from summarizer.errors import PieceTooLarge, UnknownModel
from summarizer.resident import Resident
from summarizer.session import Session
from summarizer.turns import Turns

PIECE_BYTES = 262_144
_HEAR_OUT_SECONDS = 1.0

_Requests = AsyncIterator[summarization_pb2.SummarizeRequest]
_Responses = AsyncGenerator[summarization_pb2.SummarizeResponse, None]
_Inbound = Inbound[summarization_pb2.SummarizationConfig, summarization_pb2.SummarizeRequest]


class SummarizationServicer(summarization_pb2_grpc.SummarizationServiceServicer):
    """Serves summaries by one resident model."""

    def __init__(
        self, resident: Resident, turns: Turns, *, transcript_bytes: int, context_tokens: int, stream_limit: int
    ) -> None:
        self._resident = resident
        self._turns = turns
        self._transcript_bytes = transcript_bytes
        self._context_tokens = context_tokens
        self._stream_limit = stream_limit
        self._streams = 0
        self._draining = False

    def drain(self) -> None:
        """Tell open streams from now on that the server is going away."""
        self._draining = True

    async def Summarize(
        self,
        request_iterator: _Requests,
        context: grpc.aio.ServicerContext[summarization_pb2.SummarizeRequest, summarization_pb2.SummarizeResponse],
    ) -> AsyncIterator[summarization_pb2.SummarizeResponse]:
        """Summarize one transcript."""
        sequence = Sequence()
        inbound: _Inbound = Inbound(request_iterator)
        self._streams += 1
        try:
            async with aclosing(self._stream(inbound)) as responses:
                async for response in responses:
                    response.sequence = sequence.next()
                    yield response
        except ServiceError:
            await _hear_out(inbound)
            raise
        finally:
            self._streams -= 1

    async def _stream(self, inbound: _Inbound) -> _Responses:
        config = await inbound.config()
        order = convert.order(config)
        self._resident.check()
        if config.model and config.model != self._resident.model:
            raise UnknownModel(f"model {config.model!r} does not answer here, {self._resident.model!r} does")
        session = Session(order, resident=self._resident, turns=self._turns, limit=self._transcript_bytes)
        yield convert.ready(model=session.model, context_tokens=self._context_tokens)
        told = False
        async for request in inbound:
            if self._draining and not told:
                told = True
                yield convert.draining()
            if request.WhichOneof("payload") == "piece":
                piece = request.piece
                if len(piece.text) > PIECE_BYTES:
                    raise PieceTooLarge(f"a piece may have at most {PIECE_BYTES} bytes", limit=str(PIECE_BYTES))
                session.transcript.add(piece.text, segment=piece.segment_id, speaker=piece.speaker)
            else:
                async with aclosing(session.summarize(checkpoint=True)) as events:
                    async for event in events:
                        yield convert.response(event)
        async with aclosing(session.summarize()) as events:
            async for event in events:
                yield convert.response(event)
        yield convert.done(session.usage, model=session.model, style=order.style)

    async def GetRuntime(
        self,
        request: summarization_pb2.SummarizationServiceGetRuntimeRequest,
        context: grpc.aio.ServicerContext[
            summarization_pb2.SummarizationServiceGetRuntimeRequest,
            summarization_pb2.SummarizationServiceGetRuntimeResponse,
        ],
    ) -> summarization_pb2.SummarizationServiceGetRuntimeResponse:
        """Tell which model answers, whether it is ready, and how busy it is."""
        load = audio_pb2.Load(
            streams=self._streams,
            stream_limit=self._stream_limit,
            slots=self._turns.slots,
            slots_in_use=self._turns.running,
            queued=self._turns.queued,
            queue_limit=self._turns.limit,
            queue_delay_seconds=self._turns.delay_seconds,
            draining=self._draining,
        )
        return convert.runtime(self._resident.status, engine=self._resident.engine, load=load)


async def _hear_out(inbound: _Inbound) -> None:
    """Read what the client still sends, for a moment.

    A call that ends while its client writes can fail there as a broken write, and the reason is lost.
    """
    if inbound.finished:
        return
    with suppress(ServiceError, TimeoutError):
        async with asyncio.timeout(_HEAR_OUT_SECONDS):
            async for _ in inbound:
                pass
