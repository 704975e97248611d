"""Which addresses may not connect."""

import pytest

from chat.base.bans import NOBODY, Bans, parse_ban
from chat.base.errors import Unfit
from chat.doors import sockets


@pytest.mark.parametrize(
    ("ban", "network"),
    [
        ("192.0.2.7", "192.0.2.7/32"),
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("2001:db8:1:2::3", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3::/80", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
    ],
)
def test_a_ban_is_a_network_and_of_ipv6_never_a_smaller_one_than_a_customer_has(ban: str, network: str) -> None:
    assert str(parse_ban(ban)) == network


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "such as 192.0.2.7"),
        ("bob", "such as 192.0.2.7"),
        ("192.0.2", "such as 192.0.2.7"),
        ("192.0.2.0/33", "such as 192.0.2.7"),
        ("192.0.2.7/24", "192.0.2.7 or 192.0.2.0/24 would be right"),
        ("2001:db8::1/32", "2001:db8::1 or 2001:db8::/32 would be right"),
    ],
)
def test_what_is_no_network_is_answered_with_what_would_be_right(text: str, said: str) -> None:
    with pytest.raises(Unfit, match=said):
        parse_ban(text)


BANS = Bans(map(parse_ban, ["192.0.2.7", "198.51.100.0/24", "2001:db8::1", "2001:db8:ffff::/48"]))


@pytest.mark.parametrize(
    ("address", "banned"),
    [
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("192.0.2.8", False),
        ("198.51.100.255", True),
        ("198.51.101.0", False),
        ("2001:db8::ffff", True),
        ("2001:db8:0:1::1", False),
        ("2001:db8:ffff:7::1", True),
        ("fe80::1%eth0", False),
        ("/run/chat.socket", False),
        ("", False),
    ],
)
def test_who_is_banned(address: str, banned: bool) -> None:
    assert (sockets.host(address) in BANS) is banned


def test_by_default_nobody_is_banned() -> None:
    assert "192.0.2.7" not in NOBODY


def test_the_same_bans_are_equal() -> None:
    assert Bans([parse_ban("::1"), parse_ban("192.0.2.7")]) == Bans([parse_ban("192.0.2.7"), parse_ban("::2")])
    assert NOBODY != BANS
