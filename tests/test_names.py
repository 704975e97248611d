"""Names: which are allowed, and which two would be taken for each other."""
# ruff: noqa: RUF001

import string
import unicodedata

import pytest
from alike import same
from hypothesis import given
from hypothesis import strategies as st

from chat.errors import Refused
from chat.limits import MARKS, NICKNAME, NICKNAME_COLUMNS
from chat.names import (
    _WESTERN,
    _WESTERN_SKELETON,
    _confusables,
    _skeleton,
    check_nickname,
    check_room,
    fold,
    keys,
    looks_like_code,
    propose,
)
from chat.text import visible, width

CYRILLIC_A, CYRILLIC_ER = "\u0430", "\u0440"

# Letters that are near to each other or to what is reserved come up far more often than by chance.
near_names = st.lists(
    st.one_of(
        st.sampled_from(list("aeilmnorstIOl01-_. ñéßİı\u0131\u017f\u212a\uff21\u0301\u0307ab7字")),
        st.sampled_from([CYRILLIC_A, CYRILLIC_ER, "rn", "guest", "admin", "\u1161", "\u3164", "\ufdfa", "\u200d"]),
        st.characters(),
    ),
    max_size=25,
).map("".join)
any_text = st.one_of(st.text(max_size=30), near_names)


def code_of(check, text: str) -> str | None:
    try:
        check(text)
    except Refused as refusal:
        return refusal.code
    return None


# nicknames


ALLOWED = """
    a amy Amy.2 jean-paul Fernanda José o_O R2D2 Ægir Straße guest chatty xxxxxxxxxxxxxxxxxxxx
    иван Ελένη שלום محمد नमस्ते မြို့ ชัยภัทร アリス 王小明 김철수 ｗｉｄｅ
"""


@pytest.mark.parametrize("name", ALLOWED.split())
def test_names_of_any_script_are_allowed(name):
    assert check_nickname(name) == unicodedata.normalize("NFC", name)


BAD = "7amy -amy .amy _ 1 * #amy @amy amy! a/b ../x 😀 a😀 ①a a² Ⅷ xxxxxxxxxxxxxxxxxxxxx"
BAD_UNSEEN = """
    \u202eb \u200bb \u200db \ue000 \ufffd \u3164 \u115f \u1161 \u11a8 \u034fb \ufe0f \U000e0100 \u0640b
    \ufdfa
"""


@pytest.mark.parametrize(
    "name", ["", " ", "amy bob", " amy", "amy ", "a\n", "a\0b", "a\x1b[A", "\u0301a", *BAD.split()]
)
def test_what_is_no_name_is_refused_as_bad(name):
    assert code_of(check_nickname, name) == "nick-bad"


@pytest.mark.parametrize("unseen", BAD_UNSEEN.split())
def test_what_nobody_sees_is_in_no_name(unseen):
    assert code_of(check_nickname, unseen) == "nick-bad"
    assert code_of(check_nickname, "a" + unseen) == "nick-bad"


def test_a_pile_of_marks_is_in_no_name():
    assert check_nickname("q" + "\u0301" * MARKS)
    assert code_of(check_nickname, "q" + "\u0301" * (MARKS + 1)) == "nick-bad"


RESERVED = """
    server Server SERVER admin chat all everyone here you system root help who quit guest7 Guest007 guest10
    servidor Administrador todos todas aquí aqui tú TÚ usted invitado3 invitada3 sistema
    ｓｅｒｖｅｒ \u0430dmin adrnin AIl \u043011 gue\u0455t7 ro0t K7F2-QX9M k7f2-qx9m a2bc-3def
"""


@pytest.mark.parametrize("name", RESERVED.split())
def test_names_of_the_service_and_their_likes_are_reserved(name):
    assert code_of(check_nickname, name) == "nick-reserved"


def test_a_name_may_not_be_wider_than_its_columns():
    assert check_nickname("字" * (NICKNAME_COLUMNS // 2))
    assert code_of(check_nickname, "字" * (NICKNAME_COLUMNS // 2 + 1)) == "nick-bad"


def test_a_name_is_kept_in_its_composed_form():
    assert check_nickname("Jose\u0301") == "José"


def test_a_refusal_says_the_rule():
    with pytest.raises(Refused) as refusal:
        check_nickname("amy bob")
    sentence = refusal.value.sentence
    assert sentence.text.format_map(sentence.fields) == (
        "A nickname is 1 to 20 letters, digits, - _ or . and begins with a letter."
    )


@pytest.mark.parametrize("text", ["K7F2-QX9M", "k7f2-qx9m", "2345-A6BC"])
def test_a_resume_code_is_known_by_its_form(text):
    assert looks_like_code(text)


@pytest.mark.parametrize(
    "text", ["K7F2QX9M", "jean-paul", "K7F2-QXYM", "K7F0-QX9M", "K7F2-QX9M2", "K1F2-QX9M", "AUTO-4x4x"]
)
def test_other_names_are_no_resume_codes(text):
    assert not looks_like_code(text)


@given(any_text)
def test_checking_any_text_gives_a_name_or_a_refusal(text):
    for check in (check_nickname, check_room):
        try:
            name = check(text)
        except Refused:
            continue
        assert name == unicodedata.normalize("NFC", text)
        assert visible(name) == name
        assert check(name) == name
        assert 0 < width(name.removeprefix("#")) <= NICKNAME_COLUMNS


@given(st.text(max_size=3), st.integers(min_value=0, max_value=50_000))
def test_the_longest_text_is_refused_quickly(text, size):
    pile = text + "\u0301\u0323" * size
    assert size < NICKNAME or (code_of(check_nickname, pile) == "nick-bad" and keys(pile))


# rooms


@pytest.mark.parametrize("name", ["#ops", "#2026", "#a.b-c_d", "#日本語", "#" + "x" * NICKNAME])
def test_rooms_have_a_hash_and_a_name(name):
    assert check_room(name) == name


@pytest.mark.parametrize(
    "name", ["", "#", "ops", "#ops team", "##ops", "#-", "#..", "#\u0301a", "#a/b", "#" + "x" * (NICKNAME + 1)]
)
def test_what_is_no_room_name_is_refused(name):
    assert code_of(check_room, name) == "room-bad"


def test_a_room_name_without_its_hash_is_repaired_in_the_refusal():
    with pytest.raises(Refused) as refusal:
        check_room("ops")
    assert refusal.value.sentence.fields["room"] == "#ops"


# when two are the same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bob", "bob"), ("Straße", "STRASSE"), ("İpek", "ipek"), ("\u017fam", "sam"), ("\u212aim", "kim"),
        ("ＡＭＹ", "amy"), ("ﬁona", "fiona"), ("Jose\u0301", "José"), ("ΣΟΦΟΣ", "σοφος"),
    ],
)  # fmt: skip
def test_case_width_and_ligatures_do_not_count(one, other):
    assert fold(one) == fold(other)
    assert keys(one)[0] == keys(other)[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"{CYRILLIC_A}lice", "alice"), ("Ch\u0251nServ", "ChanServ"), (f"{CYRILLIC_ER}{CYRILLIC_A}ypal", "paypal"),
        ("\u0420\u0410YPAL", "paypal"), ("\u0420\u0410YPAL", "PayPal"), ("carmen", "carrnen"), ("Ivan", "lvan"),
        ("bi11", "bill"), ("bob", "b0b"), ("BOB", "b0b"), ("O0", "0o"), ("AIl", "all"), ("\u039c\u0391R\u03a5", "mary"),
        ("\u0131van", "ivan"), ("am\u0443", "amy"), ("ame\u0301\u0301", "amé"), ("\U0001d4eamy", "amy"),
        ("\u039dal", "val"),
    ],
)  # fmt: skip
def test_what_looks_alike_is_too_alike(one, other):
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("amy", "ami"),
        ("José", "Jose"),
        ("bob", "bobby"),
        ("ivan", "lvan"),
        ("amy2", "amy3"),
        ("иван", "ivan"),
        ("ñ", "n"),
    ],
)
def test_names_that_can_be_told_apart_are_not_alike(one, other):
    assert not same(one, other)


@given(any_text)
def test_folding_twice_changes_nothing(text):
    assert fold(fold(text)) == fold(text)


@given(any_text)
def test_a_skeleton_looks_like_itself(text):
    assert _skeleton(_skeleton(text)) == _skeleton(text)


@given(any_text)
def test_a_name_is_the_same_in_any_case_and_form(text):
    for other in (fold(text), unicodedata.normalize("NFD", text), unicodedata.normalize("NFC", text)):
        assert same(text, other)


@given(any_text, any_text)
def test_likeness_is_mutual(one, other):
    assert same(one, other) == same(other, one)


def test_the_short_table_for_western_names_agrees_with_the_whole_one():
    whole = _confusables()
    marks = map(chr, range(0x300, 0x370))
    western = [char for char in [*string.ascii_letters, *string.digits, *"-_.", *marks] if _WESTERN.fullmatch(char)]
    assert len(western) == 70
    for char in western:
        assert _WESTERN_SKELETON.get(ord(char), char) == whole.get(ord(char), char)


# proposals


def free_unless(*taken: str):
    """Whether a nickname is free where these people are."""
    return lambda name: not any(same(name, other) for other in taken)


@pytest.mark.parametrize(
    ("text", "taken", "proposal"),
    [
        ("amy", [], "amy"),
        ("amy", ["amy"], "amy2"),
        ("amy", ["Amy", "amy2"], "amy3"),
        ("amy", ["amy", "amy2", "amy3", "amy4"], "amy5"),
        ("amy2", ["amy2"], "amy2-2"),
        ("José María", [], "José-María"),
        ("José María", ["José-María"], "José-María2"),
        ("@amy!", [], "amy"),
        ("<amy & bob>", [], "amy-bob"),
        ("7 of 9", [], "of-9"),
        ("Maximiliano Fernando de la Vega", [], "Maximiliano-Fernando"),
        ("Maximiliano Fernando de la Vega", ["Maximiliano-Fernando"], "Maximiliano-Fernand2"),
        ("abcdefghijklmnopqr-xyz", ["abcdefghijklmnopqr-x"], "abcdefghijklmnopqr2"),
        ("字" * 30, ["字" * 12], "字" * 11 + "2"),
        ("admin", [], "admin2"),
        (f"{CYRILLIC_A}my", ["amy"], f"{CYRILLIC_A}my2"),
        ("", [], "guest1"),
        ("", ["guest1", "guest2"], "guest3"),
        ("😀", [], "guest1"),
        ("guest7", [], "guest1"),
        ("K7F2-QX9M", [], "guest1"),
    ],
)
def test_a_proposal_is_near_to_what_was_asked_for(text, taken, proposal):
    assert propose(text, free_unless(*taken)) == proposal


@given(any_text, st.lists(any_text, max_size=5))
def test_a_proposal_is_always_allowed_and_free(text, taken):
    is_free = free_unless(*taken, text)
    proposal = propose(text, is_free)
    assert is_free(proposal)
    assert proposal.startswith("guest") or check_nickname(proposal) == proposal


def test_thousands_of_guests_are_not_asked_for_one_by_one():
    asked = []

    def is_free(name: str) -> bool:
        asked.append(name)
        return int(name.removeprefix("guest")) > 10_000

    assert propose("", is_free) == "guest10001"
    assert len(asked) < 40


def test_where_nothing_is_free_the_server_is_busy():
    assert code_of(lambda text: propose(text, lambda name: False), "amy") == "busy"
