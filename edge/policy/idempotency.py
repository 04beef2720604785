"""Answers kept by `Idempotency-Key`, so that a request that is sent again is answered again and not done again."""

import json
import zlib
from dataclasses import dataclass

from sqlalchemy import BigInteger, LargeBinary, String, bindparam, delete, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from edge.policy.database import Database
from edge.policy.outcomes import Answer
from edge.policy.presence import alive
from edge.policy.tables import REQUESTS, now_ms

KEEP_MS = 24 * 3600 * 1000
"""How long an answer is kept."""

MAX_KEY = 255
"""Characters in a key at most."""


class Superseded(Exception):
    """A try was taken for dead and somebody else took over: the first may neither answer nor charge."""


_ACCOUNT = bindparam("account", type_=String)
_KEY = bindparam("key", type_=String)
_REQUEST = bindparam("request", type_=String)
_MINE = (REQUESTS.c.account == _ACCOUNT) & (REQUESTS.c.key == _KEY)

_INSERT = insert(REQUESTS).values(
    account=_ACCOUNT,
    key=_KEY,
    fingerprint=bindparam("fingerprint", type_=String),
    request=_REQUEST,
    process=bindparam("process", type_=String),
    created_at=now_ms(),
)
CLAIM = _INSERT.on_conflict_do_update(
    index_elements=[REQUESTS.c.account, REQUESTS.c.key],
    set_={
        "fingerprint": _INSERT.excluded.fingerprint,
        "request": _INSERT.excluded.request,
        "process": _INSERT.excluded.process,
        "created_at": _INSERT.excluded.created_at,
        "audio_ms": null(),
        "answer": null(),
    },
    where=or_(
        REQUESTS.c.created_at < now_ms() - KEEP_MS,
        REQUESTS.c.answer.is_(None)
        & (REQUESTS.c.fingerprint == _INSERT.excluded.fingerprint)
        & or_(~alive(REQUESTS.c.process), REQUESTS.c.request == _INSERT.excluded.request),
    ),
).returning(REQUESTS.c.request)
RECALL = select(REQUESTS.c.fingerprint, REQUESTS.c.request, REQUESTS.c.audio_ms, REQUESTS.c.answer).where(_MINE)
KNOWN = select(REQUESTS.c.request).where(
    _MINE,
    or_(REQUESTS.c.answer.is_not(None), alive(REQUESTS.c.process)),
    REQUESTS.c.created_at >= now_ms() - KEEP_MS,
)
KEEP = (
    update(REQUESTS)
    .where(REQUESTS.c.request == _REQUEST)
    .values(
        answer=bindparam("answer", type_=LargeBinary),
        audio_ms=bindparam("audio_ms", type_=BigInteger),
    )
    .returning(REQUESTS.c.request)
)
ABANDON = delete(REQUESTS).where(REQUESTS.c.request == _REQUEST, REQUESTS.c.answer.is_(None))


@dataclass(frozen=True, slots=True)
class Claimed:
    """The key is this request's now."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a key that another request has or had."""

    fingerprint: str
    request: str
    """The admission that works, or worked, on it."""
    answer: Answer | None
    """None while it is being worked on."""
    audio_ms: int


class Idempotency:
    """The requests that carried a key, per account."""

    def __init__(self, database: Database, *, process: str) -> None:
        self._database = database
        self._process = process

    async def known(self, account: str, key: str) -> bool:
        """Tell whether the key has an answer, or a process with a pulse that works on it."""
        return bool(await self._database.run(KNOWN, account=account, key=key))

    async def claim(self, account: str, key: str, fingerprint: str, *, request: str) -> Claimed | Kept:
        """Claim the key for the admission `request`.

        A claim whose process died without an answer passes to whoever sends the same body again.
        """
        values = {"fingerprint": fingerprint, "request": request, "process": self._process}
        while True:
            if await self._database.run(CLAIM, account=account, key=key, **values):
                return Claimed()
            if kept := await self.recall(account, key):
                return kept
            # It was given back between the two statements.

    async def recall(self, account: str, key: str) -> Kept | None:
        """Give what is known of the key."""
        rows = await self._database.run(RECALL, account=account, key=key)
        if not rows:
            return None
        row = rows[0]
        answer = None if row["answer"] is None else unpack(row["answer"])
        return Kept(row["fingerprint"], row["request"], answer, row["audio_ms"] or 0)

    async def keep(self, request: str, answer: bytes, *, audio_ms: int) -> None:
        """Keep a packed answer; from here on the work is done and has to be paid.

        Raises `Superseded` if the claim passed to somebody else.
        """
        if not await self._database.run(KEEP, request=request, answer=answer, audio_ms=audio_ms):
            raise Superseded

    async def abandon(self, request: str) -> None:
        """Give the key back, unless there is an answer: what failed may be tried again."""
        await self._database.run(ABANDON, request=request)


def pack(answer: Answer) -> bytes:
    """Make an answer as small as it gets."""
    head = json.dumps({"status": answer.status, "headers": answer.headers}).encode()
    return zlib.compress(head + b"\n" + answer.body)


def unpack(packed: bytes) -> Answer:
    """Undo `pack`."""
    head, _, body = zlib.decompress(packed).partition(b"\n")
    fields = json.loads(head)
    return Answer(fields["status"], fields["headers"], body)
