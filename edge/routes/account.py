"""/v1/account: sign up, see what is left and what was used, make and end keys."""

from datetime import UTC, datetime
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.answers import json_answer
from edge.context import EDGE, principal_of
from edge.errors import BadRequest, NotFound, TooLarge
from edge.policy.accounts import Account, Day, Left
from edge.policy.database import Row
from edge.policy.errors import Unauthorized
from edge.policy.keys import NewKey
from edge.policy.metered import MeteredPolicy
from edge.policy.wallets import MINUTE_MS, Unit
from edge.upload import MEBIBYTE, body_of

Body = TypeVar("Body", bound=BaseModel)

MAX_BODY_BYTES = 4096
MAX_KEYS = 50
"""Good keys of one account at most."""
DAY_SECONDS = 86_400
PRIVATE = {"Cache-Control": "no-store"}
"""Answers with keys or balances are nobody else's."""


class SignUp(BaseModel):
    """The body of a sign-up."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(default="", max_length=100)


class KeyWish(BaseModel):
    """The body of a request for a key."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(default="", max_length=100)
    days: int | None = Field(default=None, ge=1, le=3650)


class TooManyKeys(BadRequest):
    """An account has as many keys as it may have."""

    code = "too_many_keys"


async def sign_up(request: web.Request) -> web.Response:
    """Make a free account and show its first key, this once."""
    policy = _metered(request)
    wish = await _read(request, SignUp)
    account, key = await policy.sign_up(
        wish.name, peer=request.remote or "", forwarded=request.headers.getall("X-Forwarded-For", [])
    )
    body = {"account": account, "tier": "free", "key": _new_key(key)}
    return json_answer(body, status=201, headers=PRIVATE)


async def show(request: web.Request) -> web.Response:
    """Tell the tier, what is left, what was used by day, and the keys without what is secret."""
    policy, name = await _known(request)
    account = await policy.accounts.get(name)
    usage = await policy.accounts.usage(name)
    keys = await policy.keys.list(name)
    body = {
        **_account(account),
        "usage": [_day(day) for day in usage],
        "keys": [_key(row) for row in keys],
    }
    return json_answer(body, headers=PRIVATE)


async def create_key(request: web.Request) -> web.Response:
    """Make another key and show it, this once."""
    policy, account = await _known(request)
    wish = await _read(request, KeyWish)
    if sum(row["revoked_at"] is None for row in await policy.keys.list(account)) >= MAX_KEYS:
        raise TooManyKeys(f"An account has at most {MAX_KEYS} keys. Revoke one first.")
    lifetime = None if wish.days is None else wish.days * DAY_SECONDS
    key = await policy.keys.create(account, wish.name, lifetime_seconds=lifetime)
    return json_answer(_new_key(key), status=201, headers=PRIVATE)


async def revoke_key(request: web.Request) -> web.Response:
    """End one of the account's own keys."""
    policy, account = await _known(request)
    if not await policy.keys.revoke(account, request.match_info["key"]):
        raise NotFound("The account has no such key.")
    return web.Response(status=204)


def _metered(request: web.Request) -> MeteredPolicy:
    policy = request.app[EDGE].policy
    if not isinstance(policy, MeteredPolicy):
        raise NotFound("This server has no accounts: everybody may use it.")
    return policy


async def _known(request: web.Request) -> tuple[MeteredPolicy, str]:
    policy = _metered(request)
    principal = await principal_of(request)
    if principal.anonymous:
        raise Unauthorized("Send an API key. POST /v1/account makes a free account with one.")
    return policy, principal.account


async def _read(request: web.Request, kind: type[Body]) -> Body:
    """Read a small JSON object; an empty body is an empty one."""
    data = bytearray()
    async for part in body_of(request, request.app[EDGE].settings.pace):
        data += part
        if len(data) > MAX_BODY_BYTES:
            raise TooLarge(f"The body may have at most {MAX_BODY_BYTES} bytes.", code="too_large")
    try:
        return kind.model_validate_json(bytes(data) or b"{}")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadRequest(f"{where}: {first['msg']}" if where else first["msg"], code="invalid_json") from None


def _account(account: Account) -> dict[str, Any]:
    tier = account.tier
    return {
        "account": account.id,
        "name": account.name,
        "tier": tier.name,
        "limits": {"file_mb": tier.max_bytes // MEBIBYTE, "concurrent": tier.concurrent},
        "left": [_left(left) for left in account.left],
    }


def _left(left: Left) -> dict[str, Any]:
    if left.unit is Unit.MILLISECONDS:
        unit, scale = "minutes", MINUTE_MS
    else:
        unit, scale = left.unit.value, 1
    shown: dict[str, Any] = {"unit": unit, "remaining": left.available // scale}
    if left.resets_at:
        shown |= {"limit": left.grant // scale, "resets_at": _time(left.resets_at)}
    return shown


def _day(day: Day) -> dict[str, Any]:
    shown = {
        "day": datetime.fromtimestamp(day.at / 1000, UTC).date().isoformat(),
        "requests": day.requests,
        "minutes": round(day.audio_ms / MINUTE_MS, 2),
    }
    return {**shown, "credits": day.used} if day.unit is Unit.CREDITS else shown


def _new_key(key: NewKey) -> dict[str, str]:
    return {"id": key.id, "key": key.key}


def _key(row: Row) -> dict[str, Any]:
    times = {name: _time(row[name]) for name in ("created_at", "expires_at", "revoked_at", "used_at")}
    return {"id": row["id"], "name": row["name"], **times}


def _time(at: int | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="seconds")


ROUTES = (
    web.post("/v1/account", sign_up),
    web.get("/v1/account", show, allow_head=False),
    web.post("/v1/account/keys", create_key),
    web.delete("/v1/account/keys/{key}", revoke_key),
)
