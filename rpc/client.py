"""Channels to the replicas of one service."""

import asyncio
import contextlib
import json
import socket
from collections.abc import Iterator, Sequence

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from rpc import telemetry
from rpc.errors import from_rpc_error
from rpc.interceptors import REQUEST_ID
from rpc.settings import ChannelSettings
from rpc.transport import open_channel

_SCHEME = "dns:///"


class Channels:
    """One channel that takes the replicas in turn, and one to each replica for callers that choose themselves.

    `addresses`: one `host:port` or `dns:///name:port` whose name has any number of addresses (it is resolved
    again when a connection breaks), or several `host:port` with literal IP addresses. `retry` names the unary
    methods, as `package.Service/Method`, that may be sent again when a replica was not there. Streams never
    are: only a call that never left this process is sent again, by the library itself.
    """

    def __init__(
        self, addresses: Sequence[str], *, settings: ChannelSettings | None = None, retry: Sequence[str] = ()
    ) -> None:
        self.addresses = tuple(addresses)
        self._settings = settings or ChannelSettings()
        self._service_config = _service_config(retry)
        self.target = _target(self.addresses)
        self._single: dict[str, grpc.aio.Channel] = {}
        self.channel = self._open(self.target)

    def at(self, address: str) -> grpc.aio.Channel:
        """Gives the channel to one replica, opened at its first use."""
        if address not in self._single:
            self._single[address] = self._open(address)
        return self._single[address]

    @property
    def opened(self) -> tuple[str, ...]:
        """The replicas that have a channel of their own."""
        return tuple(self._single)

    async def replicas(self) -> tuple[str, ...]:
        """Gives the `host:port` of every replica that the addresses lead to now. Raises OSError.

        Channels to replicas that are gone are closed; one that still has its connection may have streams that
        the replica lets end, and stays.
        """
        found: dict[str, None] = {}
        for address in self.addresses:
            host, _, port = address.removeprefix(_SCHEME).rpartition(":")
            for *_, place in await asyncio.get_running_loop().getaddrinfo(
                host.strip("[]"), int(port), type=socket.SOCK_STREAM
            ):
                ip, number = str(place[0]), int(place[1])
                found[f"[{ip}]:{number}" if ":" in ip else f"{ip}:{number}"] = None
        for address in set(self._single) - set(found) - set(self.addresses):
            if self._single[address].get_state() is not grpc.ChannelConnectivity.READY:
                await self._single.pop(address).close()
        return tuple(found)

    async def health(self, service: str = "", *, seconds: float = 2.0) -> dict[str, bool]:
        """Tells of every replica whether it serves `service`; one that does not answer in time does not."""
        try:
            async with asyncio.timeout(seconds):
                replicas = await self.replicas()
        except OSError:  # a timeout is one
            return dict.fromkeys(self.addresses, False)
        answers = await asyncio.gather(*(self._serves(each, service, seconds=seconds) for each in replicas))
        return dict(zip(replicas, answers, strict=True))

    async def close(self) -> None:
        """Closes all channels; calls that are open end."""
        await asyncio.gather(*(each.close() for each in (self.channel, *self._single.values())))

    async def __aenter__(self) -> "Channels":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _serves(self, address: str, service: str, *, seconds: float) -> bool:
        stub = health_pb2_grpc.HealthStub(self.at(address))
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=seconds)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def _open(self, target: str) -> grpc.aio.Channel:
        return open_channel(target, self._settings, service_config=self._service_config)


def metadata() -> tuple[tuple[str, str], ...]:
    """Gives the metadata that a call made on behalf of the current request carries: its id."""
    current = telemetry.request_id.get()
    return ((REQUEST_ID, current),) if current else ()


@contextlib.contextmanager
def service_errors() -> Iterator[None]:
    """Turns the error of a failed call into the `ServiceError` that it stands for."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error


def _target(addresses: Sequence[str]) -> str:
    if not addresses:
        raise ValueError("a service needs at least one address")
    if len(addresses) == 1:
        only = addresses[0]
        return only if ":///" in only or only.startswith(("unix:", "ipv4:", "ipv6:")) else _SCHEME + only
    places = [address.replace("localhost:", "127.0.0.1:") for address in addresses]
    for scheme, family in (("ipv4", socket.AF_INET), ("ipv6", socket.AF_INET6)):
        if all(_is_literal(place, family) for place in places):
            return f"{scheme}:{','.join(places)}"
    raise ValueError(f"several addresses must be IP addresses of one family; a name goes alone: {', '.join(addresses)}")


def _is_literal(address: str, family: socket.AddressFamily) -> bool:
    try:
        socket.inet_pton(family, address.rpartition(":")[0].strip("[]"))
    except OSError:
        return False
    return True


def _service_config(retry: Sequence[str]) -> str:
    names = [dict(zip(("service", "method"), each.split("/", 1), strict=True)) for each in retry]
    config: dict[str, object] = {"loadBalancingConfig": [{"round_robin": {}}]}
    if names:
        config["methodConfig"] = [
            {
                "name": names,
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "1s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    return json.dumps(config)
