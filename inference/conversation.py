"""A conversation: audio is fed to a session as it comes, and the session's events leave as they become known."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from inference.events import Done, Event
from inference.intake import Flush, Intaken
from inference.session import Session
from rpc.errors import ResourceExhausted


class AudioTooLong(ResourceExhausted):
    """A stream carries more audio than the server takes in one."""

    reason = "audio_too_long"


async def converse(
    audio: AsyncGenerator[Intaken, None], session: Session, *, longest: float
) -> AsyncGenerator[Event, None]:
    """Yield the events of a session until `Done`; close it whatever happens.

    The next piece of audio is awaited in a task of its own, the only one, so that a result need not wait for it; the
    task is over when this generator is. `longest` is in seconds of audio.
    """
    pull: asyncio.Task[Intaken | None] | None = asyncio.create_task(_next(audio))
    try:
        while True:
            changed = session.changed.fired
            for event in session.take():
                yield event
                if isinstance(event, Done):
                    return
            if pull is None:
                await changed
                continue
            await asyncio.wait((pull, changed), return_when=asyncio.FIRST_COMPLETED)
            if pull.done():
                intaken = pull.result()
                pull = None if intaken is None else asyncio.create_task(_next(audio))
                await _feed(session, intaken)
                if session.received > longest:
                    raise AudioTooLong(f"a stream carries at most {longest:.0f} s of audio")
    finally:
        session.close()
        if pull is not None:
            pull.cancel()
            await asyncio.wait((pull,))
            if not pull.cancelled():
                pull.exception()  # whatever it is comes too late
        await audio.aclose()


async def _next(audio: AsyncIterator[Intaken]) -> Intaken | None:
    return await anext(audio, None)


async def _feed(session: Session, intaken: Intaken | None) -> None:
    if intaken is None:
        await session.finish()
    elif isinstance(intaken, Flush):
        await session.flush()
    else:
        await session.feed(intaken)
