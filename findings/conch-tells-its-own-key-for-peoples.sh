#!/usr/bin/env bash
# Twisted 26.10.0, Conch: a server tells its clients by what algorithms *they* may sign (`server-sig-algs`, RFC 8308,
# 3.1) and takes for that the algorithms of its own host keys.  With an ed25519 host key alone, which is what one makes
# today, it tells `ssh-ed25519`, though it verifies RSA keys with SHA-2, too.  OpenSSH (9.2) then has no algorithm for
# an RSA key ("send_pubkey_test: no mutual signature algorithm") and does not even show it: whoever has such a key is
# refused, or where guests come in is one, without a word.  With an RSA host key beside it the same key is taken.
#
# Seen: "ed25519 host key: rsa key refused, ed25519 key taken; with an RSA host key: rsa key taken".  Exits 0 while that
# is so, 1 if it has changed, 2 where it cannot be tried.
#
# Needs python3 with venv, ssh and ssh-keygen.  Twisted and what it needs are installed into a temporary folder.
set -euo pipefail

command -v ssh > /dev/null && command -v ssh-keygen > /dev/null || { echo "no ssh"; exit 2; }
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv && venv/bin/pip install --quiet 'twisted[conch]==26.10.0' 2> /dev/null || { echo "cannot install"; exit 2; }
ssh -V 2>&1 || true
for kind in rsa ed25519; do
    ssh-keygen -q -t "$kind" -N '' -f "user-$kind"
    ssh-keygen -q -t "$kind" -N '' -f "host-$kind"
done

cat > server.py << 'PYTHON'
"""A server that takes both keys of the user, and says so."""

import sys

from twisted.conch.avatar import ConchUser
from twisted.conch.checkers import InMemorySSHKeyDB, SSHPublicKeyChecker
from twisted.conch.ssh.factory import SSHFactory
from twisted.conch.ssh.keys import Key
from twisted.cred.portal import Portal
from twisted.internet import reactor


class Realm:
    def requestAvatar(self, avatarId, mind, *interfaces):
        return interfaces[0], ConchUser(), lambda: None


class Factory(SSHFactory):
    privateKeys = {key.sshType(): key for key in map(Key.fromFile, sys.argv[1:])}
    publicKeys = {name: key.public() for name, key in privateKeys.items()}


keys = [Key.fromFile(f"user-{kind}.pub") for kind in ("rsa", "ed25519")]
Factory.portal = Portal(Realm(), [SSHPublicKeyChecker(InMemorySSHKeyDB({b"amy": keys}))])
print(reactor.listenTCP(0, Factory(), interface="127.0.0.1").getHost().port, flush=True)
reactor.run()
PYTHON

try() { # the host keys, and the user's: taken or refused
    local server port said
    exec 3< <(exec venv/bin/python server.py $1 2> /dev/null)
    server=$!
    read -r port <&3
    # Once logged in, -W is refused with other words than a login.
    said=$(ssh -F none -o IdentityAgent=none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
        -i "user-$2" -o IdentitiesOnly=yes -l amy -p "$port" -W 127.0.0.1:1 127.0.0.1 2>&1 < /dev/null) || true
    case $said in
        *"Permission denied"*) printf refused ;;
        *"forwarding failed"*) printf taken ;;
        *) printf 'neither' ;;
    esac
    kill "$server"
    exec 3<&-
}

seen="ed25519 host key: rsa key $(try host-ed25519 rsa), ed25519 key $(try host-ed25519 ed25519); \
with an RSA host key: rsa key $(try 'host-ed25519 host-rsa' rsa)"
echo "$seen"
[[ $seen == "ed25519 host key: rsa key refused, ed25519 key taken; with an RSA host key: rsa key taken" ]]
