"""Which certificate is taken, which is refused, and about which somebody is asked."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from chat.base.fingerprint import fingerprint, normal
from chat.base.language import Language, say
from chat.client.link.known_servers import KnownServers
from chat.client.link.trust import Certificate, Trust, Unknown, Unsafe

WORDS = Language("en").words
SELF_SIGNED = [say("it is signed by itself")]
OLD, NEW = fingerprint(b"old"), fingerprint(b"new")


def verified(shown: str) -> Certificate:
    return Certificate(shown)


def doubtful(shown: str) -> Certificate:
    return Certificate(shown, SELF_SIGNED)


def trust(tmp_path: Path, *lines: str, pinned: str | None = None) -> Trust:
    """With a file of these lines."""
    path = tmp_path / "known_servers"
    path.write_text("".join(f"{line}\n" for line in lines))
    return Trust("pi:12346", KnownServers(path), pinned)


def refused(trust: Trust, certificate: Certificate) -> Sequence[str]:
    """What a person is told; it is no question."""
    with pytest.raises(Unsafe) as error:
        trust.check(certificate)
    assert not isinstance(error.value, Unknown)
    return [WORDS(sentence) for sentence in error.value.told]


def asked(trust: Trust, certificate: Certificate) -> Unknown:
    with pytest.raises(Unknown) as error:
        trust.check(certificate)
    return error.value


def test_what_an_authority_vouches_for_is_taken_and_not_remembered(tmp_path: Path) -> None:
    trust(tmp_path).check(verified(NEW))
    assert (tmp_path / "known_servers").read_text() == ""


def test_what_an_authority_vouches_for_takes_the_place_of_what_was_remembered(tmp_path: Path) -> None:
    trust(tmp_path, f"pi:12346 {OLD}").check(verified(NEW))


def test_an_unknown_one_is_asked_about_and_taken_once_it_is_accepted(tmp_path: Path) -> None:
    ours = trust(tmp_path)
    asked(ours, doubtful(NEW)).accept()
    ours.check(doubtful(NEW))
    Trust("pi:12346", KnownServers(tmp_path / "known_servers")).check(doubtful(NEW))


def test_a_remembered_one_is_taken(tmp_path: Path) -> None:
    trust(tmp_path, f"pi:12346 {NEW}").check(doubtful(NEW))


def test_one_of_several_that_are_remembered_is_enough(tmp_path: Path) -> None:
    trust(tmp_path, f"pi:12346 {OLD}", f"pi:12346 {NEW}").check(doubtful(NEW))


def test_a_changed_one_is_refused_with_both_fingerprints_and_the_line_to_take_out(tmp_path: Path) -> None:
    told = refused(trust(tmp_path, "# mine", f"pi:12346 {OLD}"), doubtful(NEW))
    assert told[0] == "THE CERTIFICATE OF pi:12346 HAS CHANGED."
    assert told[2:4] == [f"It was {OLD}", f"It is {NEW}"]
    assert f"take line 2 out of {tmp_path}/known_servers" in told[4]


def test_with_several_lines_all_of_them_are_named(tmp_path: Path) -> None:
    told = refused(trust(tmp_path, f"pi:12346 {OLD}", "pi:12346 \x1b[2J"), doubtful(NEW))
    assert told[2:5] == [f"It was {OLD}", "It was ␛[2J", f"It is {NEW}"]
    assert "take the lines 1 and 2 out" in told[5]


def test_what_could_not_be_remembered_is_taken_until_the_end_and_nothing_else() -> None:
    ours = Trust("pi:12346", KnownServers(None))
    with pytest.raises(OSError, match="home"):
        asked(ours, doubtful(OLD)).accept()
    ours.check(doubtful(OLD))
    assert refused(ours, doubtful(NEW))[2:] == [f"It was {OLD}", f"It is {NEW}"]


def test_what_another_client_remembered_meanwhile_holds(tmp_path: Path) -> None:
    ours = trust(tmp_path)
    question = asked(ours, doubtful(NEW))
    KnownServers(tmp_path / "known_servers").add("pi:12346", OLD)
    question.accept()
    assert f"It was {OLD}" in refused(ours, doubtful(NEW))


@pytest.mark.parametrize("certificate", [verified(NEW), doubtful(NEW)])
def test_a_pinned_one_is_all_that_is_taken(tmp_path: Path, certificate: Certificate) -> None:
    trust(tmp_path, f"pi:12346 {OLD}", pinned=NEW).check(certificate)
    told = refused(trust(tmp_path, f"pi:12346 {NEW}", pinned=OLD), certificate)
    assert told == ["The certificate of pi:12346 is not the one that --fingerprint names.", f"It is {NEW}"]


def test_a_file_that_cannot_be_read_is_no_reason_to_ask(tmp_path: Path) -> None:
    ours = Trust("pi:12346", KnownServers(tmp_path))
    assert refused(ours, doubtful(NEW)) == [f"{tmp_path} cannot be read: Is a directory."]
    assert [WORDS(sentence) for sentence in ours.no_tls("x").told] == [f"{tmp_path} cannot be read: Is a directory."]


@pytest.mark.parametrize(
    ("lines", "pinned", "before", "spoke"),
    [
        ([], None, False, False),
        ([f"pi:12346 {OLD}"], None, False, True),
        ([], OLD, False, True),
        ([], None, True, True),
    ],
)
def test_who_spoke_tls_or_must_is_never_to_be_spoken_to_in_clear(
    tmp_path: Path, lines: list[str], pinned: str | None, before: bool, spoke: bool
) -> None:
    ours = trust(tmp_path, *lines, pinned=pinned)
    if before:
        ours.check(verified(NEW))
    told = " ".join(WORDS(sentence) for sentence in ours.no_tls("wrong \x1bversion").told)
    assert ("leave out --tls" in told, "ANY MORE" in told) == (not spoke, spoke)
    assert "wrong ␛version" in told


# --- fingerprints --------------------------------------------------------------------------------------------------


def test_a_fingerprint_is_written_as_openssl_does() -> None:
    assert fingerprint(b"") == (
        "SHA256:E3:B0:C4:42:98:FC:1C:14:9A:FB:F4:C8:99:6F:B9:24:27:AE:41:E4:64:9B:93:4C:A4:95:99:1B:78:52:B8:55"
    )


@pytest.mark.parametrize("text", ["", "SHA256:", NEW[:-1], f"{NEW}:", f"{NEW}00", f"x{NEW}", NEW.replace("SHA", "MD")])
def test_what_is_no_fingerprint_is_none(text: str) -> None:
    assert normal(text) is None


def test_a_fingerprint_may_be_written_otherwise() -> None:
    bare = NEW.removeprefix("SHA256:")
    for text in (NEW, NEW.lower(), bare, bare.replace(":", ""), f"sha256 Fingerprint={bare}", f"SHA-256:{bare}"):
        assert normal(text) == NEW


# --- a chat with several addresses ---------------------------------------------------------------------------------


def two(tmp_path: Path, *lines: str, pinned: str | None = None) -> tuple[Trust, Trust]:
    """Those of pi and of po, with a file of these lines."""
    path = tmp_path / "known_servers"
    path.write_text("".join(f"{line}\n" for line in lines))
    pi, po = Trust.of_chat(["pi:12346", "po:12346"], KnownServers(path), pinned)
    return pi, po


def test_the_certificate_that_was_accepted_of_one_address_is_taken_of_another(tmp_path: Path) -> None:
    _, po = two(tmp_path, f"pi:12346 {OLD}")
    po.check(doubtful(OLD))
    assert (tmp_path / "known_servers").read_text() == f"pi:12346 {OLD}\n"


@pytest.mark.parametrize("known", ["remembered", "accepted", "vouched for"])
def test_where_something_is_known_of_the_chat_another_certificate_is_refused_and_nobody_is_asked(
    tmp_path: Path, known: str
) -> None:
    pi, po = two(tmp_path, *([f"pi:12346 {OLD}"] if known == "remembered" else []))
    if known == "accepted":
        asked(pi, doubtful(OLD)).accept()
    elif known == "vouched for":
        pi.check(verified(OLD))
    assert refused(po, doubtful(NEW)) == [
        "The certificate of po:12346 is none that you know of this chat: nothing was sent to it.",
        f"Its fingerprint is {NEW}",
        "Servers of one chat share one. If whoever runs it says that this is right, accept it once: "
        "chat-client --tls po:12346",
    ]


def test_while_nothing_is_known_of_the_chat_somebody_is_asked_at_whichever_address(tmp_path: Path) -> None:
    pi, po = two(tmp_path)
    asked(pi, doubtful(OLD))
    asked(po, doubtful(OLD)).accept()
    pi.check(doubtful(OLD))
    refused(pi, doubtful(NEW))


def test_each_address_may_have_a_certificate_of_its_own_that_was_accepted(tmp_path: Path) -> None:
    pi, po = two(tmp_path, f"pi:12346 {OLD}", f"po:12346 {NEW}")
    pi.check(doubtful(OLD))
    po.check(doubtful(NEW))
    assert refused(po, doubtful(OLD))[0] == "THE CERTIFICATE OF po:12346 HAS CHANGED."


def test_what_an_authority_vouches_for_is_taken_of_each_address(tmp_path: Path) -> None:
    pi, po = two(tmp_path, f"pi:12346 {OLD}")
    po.check(verified(NEW))
    pi.check(doubtful(OLD))


def test_a_pinned_fingerprint_is_that_of_all_addresses(tmp_path: Path) -> None:
    pi, po = two(tmp_path, f"pi:12346 {NEW}", pinned=OLD)
    pi.check(doubtful(OLD))
    po.check(doubtful(OLD))
    refused(po, doubtful(NEW))
    refused(po, verified(NEW))
