"""Real proxies in front of a server, as docs/proxies/ sets them up, with shorter time-outs."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.support.ports import held_port

from .peers import Client, Sealed, need
from .server import CHECKOUT
from .waiting import SECONDS, until

DOCS = CHECKOUT / "docs" / "proxies"
DEBIANS_OWN = Path("/etc/haproxy/haproxy.cfg")

IDLE_SECONDS = 2
"""Where the documents say a day."""


class Proxy:
    """A proxy in the foreground, before a port of the server's; `host` and `port` are where people connect, and it can
    be started again there."""

    def __init__(self, directory: Path, kind: str, before: int) -> None:
        self.kind = kind
        self.before = before
        self.host = "127.0.0.1"
        self._directory = directory
        self._holder = held_port()
        self.port = self._holder.getsockname()[1]
        self._command = KINDS[kind](self)
        self.start()

    def start(self) -> None:
        """Let people in."""
        with (self._directory / "proxy.log").open("ab") as output:
            self.process = subprocess.Popen(
                self._command, cwd=self._directory, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        until(self._listens, what="the proxy listens")

    def _listens(self) -> bool:
        assert self.process.poll() is None, (self._directory / "proxy.log").read_text()
        # Not by a connection, which would reach the server.
        wanted = f":{self.port:04X} 00000000:0000 0A"
        return wanted in Path("/proc/net/tcp").read_text()

    def stop(self) -> None:
        """As an update of its package does."""
        self.process.terminate()
        self.process.wait(SECONDS)

    def close(self) -> None:
        """Be gone."""
        self.process.terminate()
        try:
            self.process.wait(SECONDS)
        finally:
            self.process.kill()
            self.process.wait()
            self._holder.close()

    def write(self, name: str, text: str) -> str:
        """A configuration for these two ports; returns its path."""
        path = self._directory / name
        path.write_text(text)
        return str(path)

    def documented(self, name: str) -> str:
        """What the documents say, for these two ports, and with a shorter day."""
        text = (DOCS / name).read_text()
        text = re.sub(r":?\b12345\b", f"{self.host}:{self.port}", text).replace(":4000", f":{self.before}")
        return re.sub(r"\b(24h|86400)\b", str(IDLE_SECONDS) + ("s" if "24h" in text else ""), text)


def _web(proxy: Proxy, name: str) -> str:
    """The same of one that speaks HTTP."""
    text = (DOCS / name).read_text()
    text = text.replace("127.0.0.1:12345", f"127.0.0.1:{proxy.before}")
    return text.replace("127.0.0.1:8080", f"{proxy.host}:{proxy.port}")


def _haproxy_web(proxy: Proxy) -> list[str]:
    need("haproxy")
    return ["haproxy", "-db", "-f", proxy.write("haproxy.cfg", _web(proxy, "haproxy-web.cfg"))]


def _nginx_web(proxy: Proxy) -> list[str]:
    need("nginx")
    path = proxy.write("nginx.conf", "pid nginx.pid;\nerror_log stderr;\n" + _web(proxy, "nginx-web.conf"))
    return ["nginx", "-p", str(proxy._directory), "-c", path, "-e", "stderr", "-g", "daemon off; master_process off;"]


def _caddy_web(proxy: Proxy) -> list[str]:
    need("caddy")
    path = proxy.write("Caddyfile", "{\n\tadmin off\n}\n" + _web(proxy, "Caddyfile"))
    return ["caddy", "run", "--config", path, "--adapter", "caddyfile"]


def _haproxy(proxy: Proxy) -> list[str]:
    need("haproxy")
    return ["haproxy", "-db", "-f", proxy.write("haproxy.cfg", proxy.documented("haproxy.cfg"))]


def _debians_haproxy(proxy: Proxy) -> list[str]:
    """Its own configuration, but for what needs a system around it; `mode tcp` and the address are the operator's."""
    need("haproxy")
    text = DEBIANS_OWN.read_text()
    kept = [line for line in text.split("\n") if not re.match(r"\s*(log|chroot|stats|user|group|daemon)\b", line)]
    text = "\n".join(kept).replace("50000", str(IDLE_SECONDS * 1000))
    listen = f"\nlisten chat\n mode tcp\n bind {proxy.host}:{proxy.port}\n server chat 127.0.0.1:{proxy.before}\n"
    return ["haproxy", "-db", "-f", proxy.write("haproxy.cfg", text.replace("option\thttplog", "") + listen)]


def _nginx(proxy: Proxy, half_close: bool = True) -> list[str]:
    need("nginx")
    module = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
    text = proxy.documented("nginx.conf")
    if not half_close:
        text = text.replace("proxy_half_close on;", "")
    # Debian includes the one, and has the others elsewhere.
    load = f"load_module {module};\n" if module.exists() else ""
    head = f"{load}pid nginx.pid;\nerror_log stderr;\nevents {{}}\n"
    path = proxy.write("nginx.conf", head + text)
    return ["nginx", "-p", str(proxy._directory), "-c", path, "-e", "stderr", "-g", "daemon off; master_process off;"]


def _nginx_without_half_close(proxy: Proxy) -> list[str]:
    return _nginx(proxy, half_close=False)


def _stunnel(proxy: Proxy) -> list[str]:
    need("stunnel")
    need("openssl")
    pem = str(proxy._directory / "chat.pem")
    key = proxy._directory / "chat.key"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=pi"]
    subprocess.run([*make, "-keyout", str(key), "-out", pem], check=True, capture_output=True)
    Path(pem).write_text(Path(pem).read_text() + key.read_text())
    text = proxy.documented("stunnel.conf").replace("/etc/stunnel/chat.pem", pem)
    # In front of the first section stands what is for all.
    return ["stunnel", proxy.write("stunnel.conf", "foreground = yes\npid =\n" + text)]


KINDS: dict[str, Callable[[Proxy], list[str]]] = {
    "haproxy, web": _haproxy_web,
    "nginx, web": _nginx_web,
    "caddy, web": _caddy_web,
    "haproxy": _haproxy,
    "haproxy as Debian ships it": _debians_haproxy,
    "nginx": _nginx,
    "nginx without proxy_half_close": _nginx_without_half_close,
    "stunnel": _stunnel,
}


def through(proxy: Proxy, name: str) -> Client:
    """Somebody comes in through this proxy."""
    if proxy.kind == "stunnel":
        return Sealed(proxy.host, proxy.port, name)
    return Client(proxy, name)  # type: ignore[arg-type]
