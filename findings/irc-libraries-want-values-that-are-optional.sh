#!/usr/bin/env bash
# Four IRC libraries for Python, ircstates 0.13.0, pydle 1.2.0, irc 20.5.0 and Twisted 26.10.0 (words): what a server says of
# itself (numeric 005) may leave out values by the drafts (modern.ircdocs.horse): `PREFIX` alone is a server without
# operators, `MONITOR` alone and `CHANLIMIT=#:` are no limit, and `CHANMODES` may have more than four kinds of modes.  One
# would guess that a library which knows these words knows them without a value.  Each fails at some, and each at others:
#
#   ircstates   raises ValueError at PREFIX and at a fifth kind
#   pydle       raises TypeError at MONITOR, ValueError at CHANLIMIT=#:
#   irc         takes PREFIX for not said: there are operators and voices as before
#   Twisted     takes PREFIX in, and then tells nobody of a MODE of a channel (an AttributeError in the log); where there is a
#               fifth kind it takes none of the five, and does not know `-k word`, which is by the second one
#
# So a server that wants all of them in writes the values: PREFIX=(ov)@+, MONITOR=100, CHANLIMIT=#:50, four kinds.
# Exits 0 while the output is the one below, 1 if it has changed, 2 where it cannot be tried.
#
# Needs python3 with venv.  What it needs is installed into a temporary folder.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv && venv/bin/pip install --quiet ircstates==0.13.0 irctokens==2.0.2 pydle==1.2.0 irc==20.5.0 \
    twisted==26.10.0 2> /dev/null || { echo "cannot install"; exit 2; }

cat > seen.py <<'PYTHON'
import asyncio

import ircstates
import pydle
from irc.features import FeatureSet
from irctokens import tokenise
from pydle.features.rfc1459.parsing import RFC1459Message
from twisted.internet.testing import StringTransport
from twisted.python import log
from twisted.words.protocols.irc import IRCClient

LINE = ":here 005 amy {} NETWORK=Lab :are supported by this server"


def of_ircstates(said):
    server = ircstates.Server("here")
    server.parse_tokens(tokenise(":here 001 amy :Welcome"))
    server.parse_tokens(tokenise(LINE.format(said)))
    return f"the network is {server.isupport.network}"


def of_pydle(said):
    client = pydle.Client("amy")
    client._reset_attributes()
    asyncio.run(client.on_raw_005(RFC1459Message.parse((LINE.format(said) + "\r\n").encode())))
    return f"the network is {client.network}"


def of_irc(said):
    features = FeatureSet()
    features.load(["amy", *said.split(), "NETWORK=Lab", "are supported by this server"])
    return f"an operator is {features.prefix}"


def of_twisted(said):
    told, logged = [], []
    client = IRCClient()
    client.nickname = "amy"
    client.modeChanged = lambda *changed: told.append(changed)
    note = lambda event: logged.append(type(event["failure"].value).__name__) if "failure" in event else None
    client.makeConnection(StringTransport())
    log.addObserver(note)
    for line in (LINE.format(said), ":bob!b@there MODE #lab -k word"):
        client.dataReceived(line.encode() + b"\r\n")
    log.removeObserver(note)
    return f"told of {len(told)} MODE, in the log {', '.join(logged) or 'nothing'}"


FOUR = "CHANMODES=b,k,l,imnpst"
for said in (FOUR, f"{FOUR},X", f"{FOUR} PREFIX", f"{FOUR} MONITOR", f"{FOUR} CHANLIMIT=#:"):
    for seen in (of_ircstates, of_pydle, of_irc, of_twisted):
        try:
            became = seen(said)
        except Exception as error:
            became = type(error).__name__
        print(said.removeprefix(f"{FOUR} "), seen.__name__[3:], became, sep="; ")
PYTHON
venv/bin/python -W ignore seen.py > seen 2> errors || { cat errors; exit 2; }
cat seen
diff seen - << 'SEEN'
CHANMODES=b,k,l,imnpst; ircstates; the network is Lab
CHANMODES=b,k,l,imnpst; pydle; the network is Lab
CHANMODES=b,k,l,imnpst; irc; an operator is {'@': 'o', '+': 'v'}
CHANMODES=b,k,l,imnpst; twisted; told of 1 MODE, in the log nothing
CHANMODES=b,k,l,imnpst,X; ircstates; ValueError
CHANMODES=b,k,l,imnpst,X; pydle; the network is Lab
CHANMODES=b,k,l,imnpst,X; irc; an operator is {'@': 'o', '+': 'v'}
CHANMODES=b,k,l,imnpst,X; twisted; told of 0 MODE, in the log IRCBadModes
PREFIX; ircstates; ValueError
PREFIX; pydle; the network is Lab
PREFIX; irc; an operator is {'@': 'o', '+': 'v'}
PREFIX; twisted; told of 0 MODE, in the log AttributeError
MONITOR; ircstates; the network is Lab
MONITOR; pydle; TypeError
MONITOR; irc; an operator is {'@': 'o', '+': 'v'}
MONITOR; twisted; told of 1 MODE, in the log nothing
CHANLIMIT=#:; ircstates; the network is Lab
CHANLIMIT=#:; pydle; ValueError
CHANLIMIT=#:; irc; an operator is {'@': 'o', '+': 'v'}
CHANLIMIT=#:; twisted; told of 1 MODE, in the log nothing
SEEN
