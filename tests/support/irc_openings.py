"""What IRC clients send when they connect, packet by packet and byte by byte, as it was recorded.

Each has a nickname and a password for the server; without that they send the same but PASS, where nothing else is said.
"""

from typing import NamedTuple


class Opening(NamedTuple):
    """How a client begins: the packets until it is let in, each after an answer, and what it sends by itself then, with
    the JOIN of whoever uses it."""

    sent: tuple[bytes, ...]
    later: bytes


OPENINGS: dict[str, Opening] = {
    "irssi 1.4.3": Opening(
        (
            b"CAP LS 302\r\nJOIN :\r\n",
            b"CAP REQ :multi-prefix extended-join setname invite-notify away-notify account-notify server-time\r\n",
            b"CAP END\r\n",
            b"PASS secret\r\nNICK zed\r\nUSER zed zed 127.0.0.1 :Zed\r\n",
        ),
        b"MODE zed +i\r\nJOIN #lobby\r\nMODE #lobby\r\nWHO #lobby %tcuhnfdar,743\r\nMODE #lobby b\r\n",
    ),
    "WeeChat 3.8": Opening(
        (
            b"PASS secret\r\n",
            b"CAP LS 302\r\n",
            b"NICK zed\r\n",
            b"USER zed 0 * :zed\r\n",
            b"CAP REQ :account-notify away-notify cap-notify extended-join invite-notify message-tags "
            b"multi-prefix server-time setname userhost-in-names\r\n",
            b"CAP END\r\n",
        ),
        b"JOIN #lobby\r\nMODE #lobby\r\n",
    ),
    "HexChat 2.16.1": Opening(
        (
            b"CAP LS 302\r\n",
            b"PASS secret\r\nNICK zed\r\nUSER zed 0 * :Zed\r\n",
            b"CAP REQ :account-notify account-tag away-notify cap-notify extended-join invite-notify "
            b"multi-prefix server-time setname userhost-in-names\r\n",
            b"CAP END\r\n",
        ),
        b"JOIN #lobby\r\nMODE #lobby\r\nWHO #lobby %chtsunfra,152\r\n",
    ),
    "sic 1.1": Opening(
        (b"PASS secret\r\nNICK zed\r\nUSER zed localhost 127.0.0.1 :zed\r\n",),
        b"JOIN #lobby\r\n",
    ),
    "ii 1.8": Opening(
        (b"PASS secret\r\nNICK zed\r\nUSER zed localhost 127.0.0.1 :zed\r\n",),
        b"JOIN #lobby\r\n",
    ),
    "ircII 20210328": Opening(
        (b"PASS secret\nNICK zed\nUSER zed host 127.0.0.1 :Zed\n",),
        b"JOIN #lobby \nMODE #lobby\n",
    ),
    "EPIC5 2.1.6": Opening(
        (b"PASS secret\r\nUSER zed host zed :Zed\r\nNICK zed\r\n",),
        b"USERHOST zed\r\nJOIN #lobby\r\nMODE #lobby\r\nWHO #lobby \r\n",
    ),
    "ScrollZ 2.2.3": Opening(
        (b"PASS secret\nNICK zed\nUSER zed host 127.0.0.1 :Zed\n",),
        b"JOIN #lobby  \nWHO #lobby\r\nMODE #lobby\r\nMODE #lobby e\r\nMODE #lobby b\n",
    ),
    "Finch 2.14.12": Opening(
        (b"PASS :secret\r\nUSER zed * 127.0.0.1 :Zed\r\nNICK zed\r\n",),
        b"JOIN #lobby\r\nWHO #lobby\r\n",
    ),
    "ZNC 1.8.2": Opening(
        (
            b'CAP LS\r\nPASS secret\r\nNICK zed\r\nUSER zed "zed" "zed" :Zed\r\n',
            b"CAP REQ :account-notify\r\n",
            b"CAP REQ :away-notify\r\n",
            b"CAP REQ :extended-join\r\n",
            b"CAP REQ :multi-prefix\r\n",
            b"CAP REQ :server-time\r\n",
            b"CAP REQ :userhost-in-names\r\n",
            b"CAP END\r\n",
        ),
        b"WHO zed\r\nJOIN #lobby\r\nMODE #lobby\r\n",
    ),
    "Limnoria 2026.10.4": Opening(
        (
            b"CAP LS :302\r\nPASS :secret\r\nNICK :zed\r\nUSER zed 0 * :Zed\r\n",
            b"CAP REQ :echo-message labeled-response account-notify account-tag away-notify batch extended-join "
            b"invite-notify message-tags multi-prefix sasl server-time setname standard-replies "
            b"userhost-in-names\r\n",
            b"@label=1348 CAP :END\r\n",
        ),
        b"@label=e0e5 MODE zed :+B\r\n"
        b"@label=9a15 JOIN :#lobby\r\n"
        b"@label=361e MODE :#lobby\r\n"
        b"@label=d146 MODE #lobby :+b\r\n"
        b"@label=fdc4 WHO #lobby :%tuhnairf,1\r\n",
    ),
    "Sopel 8.0.4": Opening(
        (
            b"CAP LS 302\r\n",
            b"PASS secret\r\n"
            b"NICK zed\r\n"
            b"USER zed 0 * :Zed\r\n"
            b"CAP REQ :echo-message\r\n"
            b"CAP REQ :multi-prefix\r\n"
            b"CAP REQ :away-notify\r\n"
            b"CAP REQ :cap-notify\r\n"
            b"CAP REQ :server-time\r\n"
            b"CAP REQ :userhost-in-names\r\n"
            b"CAP REQ :message-tags\r\n"
            b"CAP REQ :account-notify\r\n",
            b"CAP REQ :extended-join\r\nCAP REQ :account-tag\r\nCAP REQ :sasl\r\n",
            b"CAP END\r\n",
        ),
        b"MODE zed +B\r\nJOIN #lobby\r\nMODE #lobby\r\nWHO #lobby %nuachrtf,999\r\n",
    ),
    "irc3 1.1.12": Opening(
        (b"PASS secret\r\nUSER zed 0 * :Irc bot based on irc3 http://irc3.readthedocs.io\r\nNICK zed\r\n",),
        b"JOIN #lobby\r\n",
    ),
    "pydle 1.2.0": Opening(
        (
            b"CAP LS 302\r\nPASS secret\r\nNICK zed\r\nUSER zed 0 * Zed\r\n",
            b"CAP REQ :account-notify account-tag cap-notify extended-join userhost-in-names echo-message "
            b"multi-prefix away-notify invite-notify message-tags\r\n",
            b"CAP END\r\n",
        ),
        b"WHOIS <unregistered>\r\nJOIN #lobby\r\nWHOIS zed\r\nMODE #lobby\r\nWHO #lobby %tnurha,542\r\n",
    ),
    "miniirc 1.10.0": Opening(
        (
            b"PASS :secret\r\nCAP LS 302\r\nUSER zed 0 * :Zed\r\nNICK zed\r\n",
            b"CAP REQ :invite-notify message-tags account-tag server-time away-notify cap-notify\r\n",
            b"CAP END\r\n",
        ),
        b"JOIN #lobby\r\n",
    ),
    "irc 20.5.0": Opening(
        (b"PASS secret\r\nNICK zed\r\nUSER zed 0 * :Zed\r\n",),
        b"JOIN #lobby\r\n",
    ),
    "ircrobots 0.7.2": Opening(
        (
            b"PASS secret\r\n",
            b"NICK zed\r\nCAP LS 302\r\nUSER zed 0 * Zed\r\n",
            b"CAP REQ :multi-prefix away-notify invite-notify account-tag account-notify extended-join "
            b"message-tags cap-notify batch setname\r\n",
            b"CAP END\r\n",
        ),
        b"WHO zed\r\nJOIN #lobby\r\nMODE #lobby\r\nMODE #lobby +b\r\nWHO #lobby n%afhinrstu,735\r\n",
    ),
    "twisted.words 26.10.0": Opening(
        (b"PASS secret\r\nNICK zed\r\nUSER zed foo bar :None\r\n",),
        b"JOIN #lobby\r\n",
    ),
    "irc-framework 4.14.0, without a password": Opening(
        (
            b"CAP LS 302\r\n",
            b"NICK zed\r\n",
            b"USER zed 0 * Zed\r\n"
            b"CAP REQ :account-notify account-tag away-notify batch cap-notify extended-join invite-notify "
            b"message-tags multi-prefix server-time userhost-in-names\r\n",
            b"CAP END\r\n",
        ),
        b"PING 1795986756396\r\nJOIN #lobby\r\n",
    ),
    "irc-framework 4.14.0": Opening(
        (
            b"CAP LS 302\r\n",
            b"PASS secret\r\n",
            b"NICK zed\r\n"
            b"USER zed 0 * Zed\r\n"
            b"CAP REQ :account-notify account-tag away-notify batch cap-notify extended-join invite-notify "
            b"message-tags multi-prefix sasl server-time userhost-in-names\r\n",
            b"AUTHENTICATE PLAIN\r\n",
            b"AUTHENTICATE emVkAHplZABzZWNyZXQ=\r\n",
            b"CAP END\r\n",
        ),
        b"PING 1795986756396\r\nJOIN #lobby\r\n",
    ),
    "matrix-org-irc 3.0.0": Opening(
        (
            b"PASS secret\r\n",
            b"CAP LS 302\r\nNICK zed\r\n",
            b"USER zed 8 * Zed\r\n",
            b"CAP END\r\n",
        ),
        b"WHOIS zed\r\njoin #lobby\r\nMODE #lobby\r\n",
    ),
    "irc-upd 0.11.0": Opening(
        (b"PASS secret\r\nNICK zed\r\nUSER zed 8 * Zed\r\n",),
        b"WHOIS zed\r\nJOIN #lobby\r\nMODE #lobby\r\n",
    ),
}
