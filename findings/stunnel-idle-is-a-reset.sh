#!/usr/bin/env bash
# stunnel 5.68 (Debian 12) counts an idle time-out as an error: after TIMEOUTidle its plain side gets a reset, where
# nothing was unread and nobody was in the middle of anything.  Its own end by SIGTERM, which does interrupt people, is
# an end of input (FIN).  One would guess the idle end to be the quiet one, as it is with HAProxy 2.6 and nginx 1.22.
# So a server that takes a reset for a lost line and an end of input for somebody's will is told each for the other.
#
# Seen: "idle: reset" and "stopped: 0 bytes, an end of input".  Exits 0 while that is so, 1 if it has changed, 2 where
# it cannot be tried.
#
# Needs Debian 12 on amd64, apt-get, python3, openssl.  Nothing is installed: the packages are unpacked to a temporary
# folder.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq download stunnel4=3:5.68-2+deb12u1 libwrap0=7.6.q-32 2> /dev/null || { echo "no such packages here"; exit 2; }
for package in *.deb; do dpkg -x "$package" root; done
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out cert.pem 2> /dev/null
cat cert.pem key.pem > both.pem

LD_LIBRARY_PATH=root/usr/lib/x86_64-linux-gnu python3 - <<'PYTHON'
import signal
import socket
import ssl
import subprocess
import sys
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connected(port):
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port), 10)
        except ConnectionRefusedError:
            time.sleep(0.1)
    sys.exit("stunnel does not listen")


def how_it_ends(idle_seconds, stop):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = free_port()
        with open("stunnel.conf", "w") as file:
            file.write(
                f"foreground = yes\npid =\n[echo]\naccept = 127.0.0.1:{port}\ncert = both.pem\n"
                f"connect = 127.0.0.1:{listening.getsockname()[1]}\nTIMEOUTidle = {idle_seconds}\n"
            )
        stunnel = subprocess.Popen(["root/usr/bin/stunnel4", "stunnel.conf"], stderr=subprocess.DEVNULL)
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            client = context.wrap_socket(connected(port))
            listening.settimeout(10)
            server, _ = listening.accept()
            server.settimeout(10)
            client.sendall(b"hello")
            assert server.recv(100) == b"hello"
            server.sendall(b"hello")
            assert client.recv(100) == b"hello"
            if stop:
                stunnel.send_signal(signal.SIGTERM)
            try:
                return f"{len(server.recv(100))} bytes, an end of input"
            except ConnectionResetError:
                return "reset"
        finally:
            stunnel.kill()
            stunnel.wait()


seen = {"idle": how_it_ends(1, stop=False), "stopped": how_it_ends(3600, stop=True)}
for what, how in seen.items():
    print(f"{what}: {how}")
sys.exit(seen != {"idle": "reset", "stopped": "0 bytes, an end of input"})
PYTHON
