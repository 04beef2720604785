"""Whose address counts, and that nobody can choose it."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.policy.addresses import caller

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["192.0.2.1", "198.51.100.1, 10.2.3.4"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("::ffff:203.0.113.7", [], "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", [], "2001:db8:1:2::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
        ("fd00::1", ['"[2001:db8:1:2::9]:4711"'], "2001:db8:1:2::/64"),
        ("", [], "unknown"),
    ],
)
def test_the_rightmost_hop_that_no_trusted_proxy_is(peer: str, forwarded: list[str], expected: str) -> None:
    assert caller(peer, forwarded, trusted=TRUSTED) == expected


@settings(derandomize=True, max_examples=200)
@given(forwarded=st.lists(st.text(max_size=40), max_size=4))
def test_a_direct_caller_cannot_say_who_it_is(forwarded: list[str]) -> None:
    assert caller("203.0.113.7", forwarded, trusted=TRUSTED) == "203.0.113.7"


@settings(derandomize=True, max_examples=200)
@given(claimed=st.lists(st.text(max_size=40), max_size=4), real=st.ip_addresses(v=4))
def test_a_caller_behind_a_proxy_cannot_say_who_it_is(claimed: list[str], real: object) -> None:
    if any(ip_address(str(real)) in network for network in TRUSTED):
        return
    assert caller("10.0.0.1", [*claimed, str(real)], trusted=TRUSTED) == str(real)
