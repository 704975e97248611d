#!/usr/bin/env bash
# prometheus-client 0.26.0: the resource that it has for Twisted (`prometheus_client.twisted.MetricsResource`) is a
# WSGI application in the reactor's thread pool.  So a collector is called in a thread of that pool, while the reactor
# changes what it counts, where one would guess that a resource of twisted.web is rendered in the reactor's thread: a
# collector that walks a dict of connections may find it changed meanwhile.
#
# Seen: "collected in the reactor's thread: False".  Exits 0 while that is so, 1 if it has changed, 2 where it cannot be
# tried.
#
# Needs python3 with venv.  What it needs is installed into a temporary folder.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv && venv/bin/pip install --quiet twisted==26.10.0 prometheus-client==0.26.0 2> /dev/null || {
    echo "cannot install"
    exit 2
}

venv/bin/python - <<'PYTHON'
import sys
import threading

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.twisted import MetricsResource
from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.web.resource import Resource
from twisted.web.server import Site
from urllib.request import urlopen

threads = []


class Collector:
    def describe(self):
        return []

    def collect(self):
        threads.append(threading.current_thread())
        yield GaugeMetricFamily("connections", "How many there are", value=1)


registry = CollectorRegistry()
registry.register(Collector())
root = Resource()
root.putChild(b"metrics", MetricsResource(registry))
port = reactor.listenTCP(0, Site(root), interface="127.0.0.1").getHost().port


def done(result):
    print(f"collected in the reactor's thread: {threads == [threading.main_thread()]}")
    reactor.stop()


reading = deferToThread(lambda: urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20).read())
reading.addBoth(done)
reactor.run()
sys.exit(len(threads) != 1 or threads[0] is threading.main_thread())
PYTHON
