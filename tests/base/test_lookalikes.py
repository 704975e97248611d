"""Which two names would be taken for each other, and by whom."""
# ruff: noqa: RUF001

import string
import unicodedata
from itertools import permutations

import pytest
from alike import same
from hypothesis import given
from hypothesis import strategies as st
from letters import CYRILLIC_A, CYRILLIC_ER, any_text

from chat.base.lookalikes import _WESTERN, _WESTERN_SKELETON, _confusables, fold, looks, skeleton
from chat.core.nicknames import Nicknames


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bob", "bob"), ("Straße", "STRASSE"), ("İpek", "ipek"), ("\u017fam", "sam"), ("\u212aim", "kim"),
        ("ＡＭＹ", "amy"), ("ﬁona", "fiona"), ("Jose\u0301", "José"), ("ΣΟΦΟΣ", "σοφος"),
    ],
)  # fmt: skip
def test_case_width_and_ligatures_do_not_count(one, other):
    assert fold(one) == fold(other)
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (f"{CYRILLIC_A}lice", "alice"), ("Ch\u0251nServ", "ChanServ"), (f"{CYRILLIC_ER}{CYRILLIC_A}ypal", "paypal"),
        ("\u0420\u0410YPAL", "paypal"), ("\u0420\u0410YPAL", "PayPal"), ("carmen", "carrnen"), ("Ivan", "lvan"),
        ("bi11", "bill"), ("bob", "b0b"), ("BOB", "b0b"), ("O0", "0o"), ("AIl", "all"), ("\u039c\u0391R\u03a5", "mary"),
        ("\u0131van", "ivan"), ("am\u0443", "amy"), ("ame\u0301\u0301", "amé"), ("\U0001d4eamy", "amy"),
        ("\u039dal", "val"), ("сосо", "coco"), ("ауе", "aye"), ("עידl", "עידו"), ("amy.", "amy"), ("amy_", "amy"),
        ("J.R.", "J.R"), ("ג'ורג'", "ג'ורג"), ("เเดง", "แดง"), ("अाशा", "आशा"), ("Иван0", "ИванО"), ("ロ", "口"),
        ("حسين", "حسین"), ("كوثر", "کوثر"), ("على", "علی"), ("Игорӏ", "Игорі"), ("I0x", "iox"),
        ("KrӠQX10o", "krӡqxloo"),
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
        ("J.R", "JR"),
        ("a.b", "a-b"),
        ("O'Brien", "OBrien"),
    ],
)
def test_names_that_can_be_told_apart_are_not_alike(one, other):
    assert not same(one, other)


@given(any_text)
def test_folding_twice_changes_nothing(text):
    assert fold(fold(text)) == fold(text)


@given(any_text)
def test_a_skeleton_looks_like_itself(text):
    assert skeleton(skeleton(text)) == skeleton(text)


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


# Letters that look alike to strangers, in names that are wholly of one living alphabet.
TOLD_APART = """
    עידו עידן ליאו ליאן
    คนา ดนา ตนา ชาย ซาย ทอง ฑอง
    գարի զարի ոսկի ռսկի
    νίκος νίκσς θοδωρος
    በላይ ቡላይ
    يسرى يسري ثريا پريا ڈالی ٹالی
    土田 士田
    Уүл Үүл
    김철수 갬철수
"""


@pytest.mark.parametrize("line", TOLD_APART.strip().splitlines())
def test_readers_of_a_script_tell_its_letters_apart(line):
    for one, other in permutations(line.split(), 2):
        assert not same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("عل\u06cc\u200cرضا", "علیرضا"), ("ශ්\u200dරී", "ශ්රී"), ("O'Brien", "o’brien"), ("Мар'яна", "Марʼяна"),
        ("Oʻktam", "o‘ktam"), ("ג׳ורג׳", "ג'ורג'"), ("ന്\u200d", "ൻ"), ("O＇Brien", "O'Brien"),
    ],
)  # fmt: skip
def test_joiners_and_the_kind_of_apostrophe_do_not_count(one, other):
    assert same(one, other)
    assert "\u200c" not in fold(one)
    assert "\u200d" not in fold(one)


# who has which nickname


@given(st.lists(any_text, max_size=12), st.data())
def test_who_has_a_nickname_is_found_and_gone_with_them(texts, data):
    nicknames, here = Nicknames[int](), {}
    for person, text in enumerate(texts):
        if nicknames.holder(text) is None:
            nicknames.claim(text, person)
            here[person] = text
    for person, text in here.items():
        assert nicknames.find(text) == nicknames.holder(text) == person
        assert nicknames.holder(text, person) is None
    for person in data.draw(st.permutations(sorted(here))):
        nicknames.release(person)
        assert nicknames.holder(here[person]) is None
    assert not nicknames._names
    assert not nicknames._by_key
    assert not nicknames._by_shape
    assert not nicknames._shapes


@given(any_text, any_text)
def test_alike_is_what_has_a_key_or_a_look_in_common(one, other):
    alike = any(
        a.shape == b.shape and (a.script != b.script or a.letters == b.letters)
        for a in looks(one)
        for b in looks(other)
    )
    assert same(one, other) == (alike or fold(one) == fold(other))


def test_of_many_who_look_alike_to_others_one_is_found_beside_who_asks():
    nicknames = Nicknames[str]()
    nicknames.claim("עידו", "one")
    nicknames.claim("עידן", "two")
    assert nicknames.holder("עידl", "one") == "two"
    assert nicknames.holder("עידl", "two") == "one"
    nicknames.release("two")
    assert nicknames.holder("עידl", "one") is None
