"""`--metrics-port`: what monitoring asks for now and then, in Prometheus' form; the extra `metrics`.

All of it is read when somebody asks, from what is counted anyhow.  It names nobody and nothing: no label has a
nickname, a room or an address.  Whoever imports this needs the extra, and has a web server in memory.
"""

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from twisted.internet.interfaces import IAddress, IProtocolFactory
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.web.http import NOT_ALLOWED, Request
from twisted.web.pages import notFound
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request as SiteRequest
from twisted.web.server import Site

from chat import __version__
from chat.base import limits
from chat.commands.admin import figures
from chat.core.hub import Hub


def site(hub: Hub) -> IProtocolFactory:
    """What answers at the port."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(hub))
    ProcessCollector(registry=registry)
    root = _Root()
    root.putChild(b"metrics", _Page(registry))
    return _Few(_Site(root, _Request, timeout=limits.METRICS_SECONDS))


class _Root(Resource):
    """There is one page, and nothing else."""

    def getChild(self, path: bytes, request: Request) -> IResource:
        """(IResource) As what Twisted says by itself is deprecated by itself."""
        return notFound()


class _Page(Resource):
    """What a registry holds.

    prometheus-client has such a resource, which reads in a thread of its own: there what is counted, and who is here,
    would change under it.
    """

    isLeaf = True

    def __init__(self, registry: Any) -> None:
        super().__init__()
        self._registry = registry

    def render(self, request: Request) -> bytes:
        """(IResource)"""
        if request.method not in (b"GET", b"HEAD"):
            request.setResponseCode(NOT_ALLOWED)
            return b"This is to be read alone.\n"
        encode, kind = choose_encoder(request.getHeader("accept") or "")
        request.setHeader("content-type", kind)
        return encode(self._registry)


class _Collector:
    """(prometheus_client.registry.Collector) Reads everything anew each time."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Any]:
        """(Collector)"""
        hub, now = self._hub, figures(self._hub)
        yield InfoMetricFamily("chat", "What runs here", {"version": __version__, "node": now.node or ""})
        people = GaugeMetricFamily("chat_people", "People with a nickname, of all nodes", labels=["state"])
        people.add_metric(["here"], now.here)
        people.add_metric(["down"], now.down)
        yield people
        here = GaugeMetricFamily("chat_node_people", "People with a connection to this server", labels=["node"])
        here.add_metric([now.node or ""], hub.connected)
        yield here
        yield GaugeMetricFamily("chat_nameless", "Connections that have not chosen a nickname", now.nameless)
        sessions = GaugeMetricFamily("chat_sessions", "Sessions that have a connection", labels=["wire"])
        for wire, count in now.sessions.items():
            sessions.add_metric([wire], count)
        yield sessions
        yield GaugeMetricFamily("chat_accounts", "Accounts", now.accounts)
        yield GaugeMetricFamily("chat_rooms", "Rooms in memory", now.rooms)
        yield CounterMetricFamily("chat_lines", "What people said", now.lines)
        yield CounterMetricFamily("chat_not_stored", "What the store refused, of all kinds", now.not_stored)
        latency = hub.turn.latency
        bounds = [*map(str, limits.LATENCY_BOUNDS), "+Inf"]
        yield HistogramMetricFamily(
            "chat_turn_seconds",
            "From when something happened to when everybody was given it",
            buckets=list(zip(bounds, accumulate(latency.counts), strict=True)),
            sum_value=latency.seconds,
        )
        store = GaugeMetricFamily("chat_store_bytes", "What the store takes", labels=["part"])
        store.add_metric(["database"], now.store.size)
        store.add_metric(["journal"], now.store.journal)
        yield store
        if now.store.free is not None:
            yield GaugeMetricFamily("chat_store_free_bytes", "What is free on its disk", now.store.free)
        yield GaugeMetricFamily("chat_store_waiting", "What it has not answered yet", now.store.waiting)
        entries = CounterMetricFamily("chat_log_entries", "Entries of the log", labels=["level"])
        for level, count in hub.process.log_entries.items():
            entries.add_metric([level], count)
        yield entries


class _Request(SiteRequest):
    """Nothing of what is sent along is kept: a stranger could fill the disk with it."""

    def handleContentChunk(self, data: bytes) -> None:
        """(Request)"""


class _Few(WrappingFactory):
    """Takes so many connections at a time, and closes the others."""

    noisy = False

    def logPrefix(self) -> str:
        """(ILoggingContext)"""
        return "Metrics"

    def buildProtocol(self, addr: IAddress | None) -> ProtocolWrapper | None:  # type: ignore[override]
        """(IProtocolFactory)"""
        return super().buildProtocol(addr) if len(self.protocols) < limits.METRICS_CLIENTS else None


class _Site(Site):
    """Logs no requests: there is one every few seconds."""

    noisy = False

    def log(self, request: Request) -> None:
        """(HTTPFactory)"""
