"""Whose address a request comes from, when only some proxies are believed."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

SITE_PREFIX = 64
"""One IPv6 subscriber has at least this much; counting single addresses would count nothing."""


def caller(peer: str, forwarded: Sequence[str], *, trusted: Sequence[Network]) -> str:
    """Give the caller's network as text: an IPv4 address, or the /64 of an IPv6 address.

    `forwarded` are the values of `X-Forwarded-For` as they came. They are read from the right, and only as far as the
    hop before is a `trusted` proxy: what stands further left was written by somebody who is not.
    """
    address = _parse(peer)
    hops = [hop for value in forwarded for hop in value.split(",")]
    while address is not None and hops and any(address in network for network in trusted):
        before = _parse(hops.pop())
        if before is None:
            break
        address = before
    if address is None:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, SITE_PREFIX), strict=False))
    return str(address)


def _parse(text: str) -> Address | None:
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
