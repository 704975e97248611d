"""What the web door has for others than the page, with real programs: posting, health, and public transcripts."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from chat.base import limits

from .conftest import Browse, Connect, Serve
from .peers import need
from .server import ENVIRONMENT, Server
from .test_tls import curl
from .test_tokens import made, registered

pytestmark = pytest.mark.slow


def url(server: Server, path: str) -> str:
    """Where this is."""
    return f"http://{server.host}:{server.port}/{path}"


def status(answer: str) -> int:
    """Of an answer that curl shows."""
    found = re.match(r"HTTP/1\.1 (\d{3}) ", answer)
    assert found, answer
    return int(found[1])


# Posting.


def post(server: Server, token: str, body: str, room: str = "ops") -> tuple[int, str]:
    """Post by curl; returns the status and what is told."""
    answer = curl("-H", f"Authorization: Bearer {token}", "--data-binary", body, url(server, f"post/{room}"))
    return status(answer), answer.replace("\r", "").partition("\n\n")[2]


@pytest.mark.door
def test_curl_posts_and_netcat_hears_it(server: Server, connect: Connect) -> None:
    deploy, bob = registered(server, connect, "deploy"), connect(server, "bob").joins()
    bob.says("/join #ops")
    bob.hears("You speak in #ops")
    token = made(deploy, "bot post")
    code, told = post(server, token, "deploy done ☃")
    assert (code, json.loads(told)["room"]) == (200, "#ops")
    bob.hears("#ops <deploy/post> deploy done ☃\r\n")
    assert post(server, token, '{"text": "two\\nlines"}')[0] == 200
    bob.hears("two\r\n")
    bob.hears("lines\r\n")
    for answer, expected, code in (
        (post(server, token[:-1] + "~", "wrong"), "Send a token that is good", 401),
        (post(server, "", "wrong"), "Send a token that is good", 401),
        (post(server, token, "wrong " * limits.WEB_BODY), "That is too long.", 413),
        (post(server, token, "wrong " * 500), "too-long", 413),
        (post(server, token, "wrong", "nowhere"), "no-room", 404),
        (post(server, token, '{"words": "wrong"}'), "Send text in UTF-8", 400),
    ):
        assert answer[0] == code, answer
        assert expected in answer[1]
        assert token not in answer[1]
    bob.says("/ping end")
    assert "wrong" not in bob.hears("pong end")


def test_the_line_of_the_documentation_works_as_it_stands(server: Server, connect: Connect) -> None:
    need("curl")
    deploy, bob = registered(server, connect, "deploy"), connect(server, "bob").joins()
    bob.says("/join #ops")
    bob.hears("You speak in #ops")
    page = Path(__file__, "../../../docs/web.md").resolve().read_text()
    [asked] = re.findall(r"`/token new (deploy #ops post)`", page)
    [script] = re.findall(r"^ +(curl .*/post/ops)$", page, re.MULTILINE)
    environment = {**ENVIRONMENT, "TOKEN": made(deploy, asked)}
    script = script.replace("HOST:12345", ":".join(server.address))
    subprocess.run(["sh", "-c", script], env=environment, check=True)
    bob.hears("#ops <deploy/post> deploy done\r\n")


# Health.

HANGS = """
import os, time
from chat.store.sqlite import store
after = store.after
def hangs(*asked):
    while os.path.exists("hang"):
        time.sleep(0.05)
    return after(*asked)
store.after = hangs
"""
"""While there is such a file, the store is read as from a disk that does not answer."""


def test_health_is_told_while_the_store_answers(serve: Serve, connect: Connect, tmp_path: Path) -> None:
    server = serve(first=HANGS)
    assert status(curl(url(server, "healthz"))) == 200
    bob = connect(server, "bob").joins()
    (tmp_path / "hang").touch()
    answer = curl(url(server, "healthz"))
    assert status(answer) == 503
    assert "The store does not answer." in answer
    bob.says("/ping still here")
    bob.hears("pong still here")
    (tmp_path / "hang").unlink()
    assert status(curl(url(server, "healthz"))) == 200


# Transcripts.


def test_everybody_may_read_a_room_that_was_named_and_no_private_one(
    serve: Serve, connect: Connect, browse: Browse
) -> None:
    server = serve("--public-log", "#news", "--public-log", "#coffee")
    ana = registered(server, connect, "ana")
    ana.says("in the lobby")
    for room in ("#secret", "#coffee", "#news"):
        ana.says(f"/join {room}")
        ana.hears(f"{room} is new and yours")
        if room == "#secret":
            ana.says("/private on")
            ana.hears(f"{room} is private")
        ana.says(f"<b>this</b> & that in {room}")
    ana.says("/topic What is <i>new</i>")
    ana.hears("What is <i>new</i>")
    page = browse(server, "log/news")
    page.told("ana: <b>this</b> & that in #news").told("What is <i>new</i>")
    assert page.runs("return document.querySelector('h1').textContent") == "#news"
    assert page.runs("return document.querySelectorAll('script, article b b').length") == 0
    assert page.runs("return document.styleSheets[0].cssRules.length") > 0
    for name in ("news", "coffee"):
        answer = curl(url(server, f"log/{name}"))
        assert status(answer) == 200
        assert f"&lt;b&gt;this&lt;/b&gt; &amp; that in #{name}" in answer
    for name in ("lobby", "secret", "nowhere", "", "%23news/.."):
        answer = curl("--path-as-is", url(server, f"log/{name}"))
        assert status(answer) == 404, name
        assert "that in" not in answer
    page.opens(server, "log/coffee").told("that in #coffee")
    ana.says("/join #coffee")
    ana.says("/private on")
    ana.hears("#coffee is private")
    ana.says("only for us")
    ana.says("/ping said")
    ana.hears("pong said")
    assert status(curl(url(server, "log/coffee"))) == 404
    page.opens(server, "log/coffee").told("There is nothing here.")
    ana.says("/private off")
    ana.hears("#coffee is public")
    ana.says("for all again")
    page.opens(server, "log/coffee").told("for all again")
    assert "only for us" not in page.driver.page_source
    assert "only for us" not in curl(url(server, "log/coffee"))
