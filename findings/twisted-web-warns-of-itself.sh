#!/usr/bin/env bash
# Twisted 26.10.0: its own pages for what is not found (404) and for a method that a resource has not (405) raise a
# DeprecationWarning about a class of its own, though the site that is served uses nothing that is deprecated.  One would
# guess that a library's default answers are free of its own warnings.  With warnings as errors (`python -W error`, as
# many test suites have it) the first of them is an answer 500 in place of 404 or 405.
#
# Seen: one line for each page, with the status that came and whether there was a warning.  Exits 0 while that is so, 1
# if it has changed, 2 where it cannot be tried.
#
# Needs python3 with venv.  What it needs is installed into a temporary folder.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv && venv/bin/pip install --quiet twisted==26.10.0 2> /dev/null || { echo "cannot install"; exit 2; }

cat > pages.py <<'PYTHON'
import warnings

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.web.resource import Resource
from twisted.web.server import Site
from urllib.error import HTTPError
from urllib.request import urlopen


class Page(Resource):
    isLeaf = True

    def render_GET(self, request):
        return b"here"


def status(port, path, data=None):
    try:
        return urlopen(f"http://127.0.0.1:{port}/{path}", data, timeout=20).status
    except HTTPError as error:
        return error.code


def ask(port):
    return [status(port, "page"), status(port, "nothing"), status(port, "page", b"posted")]


root = Resource()
root.putChild(b"page", Page())
port = reactor.listenTCP(0, Site(root), interface="127.0.0.1").getHost().port
told = []
deferToThread(ask, port).addBoth(told.append).addBoth(lambda _: reactor.stop())
reactor.run()
print(*told[0])
PYTHON
usual=$(venv/bin/python -W always pages.py 2> warnings)
strict=$(venv/bin/python -W error::DeprecationWarning pages.py 2> /dev/null)
warned=$(grep -c DeprecationWarning warnings || true)
echo "page, nothing there, wrong method: $usual; DeprecationWarnings: $warned; with warnings as errors: $strict"
[[ $usual == "200 404 405" && $warned -gt 0 && $strict != "$usual" ]]
