"""Text for screens: what a terminal would obey must arrive as something to look at, and as nothing else."""
# ruff: noqa: RUF001

import unicodedata

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.base.limits import MARKS
from chat.base.text import _PLAIN, _look, _seen, quoted, visible, width, wrap

FLAG = "\U0001f3f4"
ZWJ, VS16, PERSON, ROCKET = "\u200d", "\ufe0f", "\U0001f469", "\U0001f680"


def tags(text: str) -> str:
    """Letters as they stand behind a flag, with the end."""
    return "".join(chr(0xE0000 + ord(char)) for char in text + "\x7f")


# The planes that are in use; what lies between is Chinese, private or unassigned.
ALL = [chr(code) for plane in (0, 1, 2, 14, 16) for code in range(plane << 16, (plane << 16) + 0x10000)]

# Controls and marks side by side, for hypothesis seldom puts them there by itself.
DANGEROUS = [
    *"\0\a\b\n\r\x1b\x7f\x80\x85\x9b\x9d\xad\u061c\u200b\u200e\u202e\u2028\u2066\ufeff\ufffe\ud800",
    *"\u0301\u0323\u200c\u200d\ufe0f\u0e33\u1161\u0897\U000e0041\U000e0100\u200f\u06dd\U000e007f",
    *[FLAG + tags("gbeng"), FLAG, tags("gbwls"), "\U000e0067"],
    *["\x1b[2J", "\x1b[31m", "\x1b]0;PWNED\a", "\x1b(0", "\x9b5A", "\x1bP", "\x1b#8", "\x0e", "\t", "e", "字", PERSON],
]
hostile_text = st.lists(st.one_of(st.sampled_from(DANGEROUS), st.text(max_size=3)), max_size=40).map("".join)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("hello", "hello"),
        ("¿señor? ☃ привет 字 שלום नमस्ते", "¿señor? ☃ привет 字 שלום नमस्ते"),
        ("a\tb", "a\tb"),
        ("\x1b[31m", "␛[31m"),
        ("\x1b]0;PWNED\a", "␛]0;PWNED␇"),
        ("\0\n\r\x1f\x7f", "␀␊␍␟␡"),
        ("\x02bold \x0304red", "␂bold ␃04red"),
        ("\x80\x85\x9b31m\x9f", "��\ufffd31m\ufffd"),
        ("\u202eevil\u2066", "�evil�"),
        ("\u202aa\u202bb\u202cc\u202dd\u2067e\u2068f\u2069", "�a�b�c�d�e�f�"),
        ("\ufff9a\ufffab\ufffb \u206a\u206f", "�a�b� ��"),
        ("a\u2028b\u2029c", "a\ufffdb\ufffdc"),
        ("\U000e0001\U000e0041", "\ufffd\ufffd"),
        (FLAG + tags("gb"), FLAG + "\ufffd\ufffd\ufffd"),
        (FLAG + tags("ustx"), FLAG + "\ufffd" * 5),
        ("x" + tags("gbeng"), "x" + "\ufffd" * 6),
        (FLAG + tags("gbeng") * 2, FLAG + tags("gbeng") + "\ufffd" * 6),
        ("\ufdd0\ufffe\U0010ffff\ud800", "\ufffd\ufffd\ufffd\ufffd"),
        (f"{PERSON}{ZWJ}{ROCKET} ❤{VS16}", f"{PERSON}{ZWJ}{ROCKET} ❤{VS16}"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("\ue0b0 \U0001fae8 \U0001fae9", "\ue0b0 \U0001fae8 \U0001fae9"),
        ("", ""),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text, shown):
    assert visible(text) == shown


def test_a_pile_of_marks_is_cut_to_a_few_and_says_so():
    assert visible("e" + "\u0301" * 500 + "f") == "e" + "\u0301" * MARKS + "\ufffdf"


def test_joiners_and_selectors_pile_like_marks():
    for pile in ("\u200d\ufe0f\u0301", "\u200b\u200e\u061c", "\ufeff\u2060\u200f"):
        assert visible("e" + pile * 100) == "e" + pile * (MARKS // 3) + "\ufffd"


def test_marks_that_real_scripts_put_on_one_letter_stay():
    for word in ("ệ", unicodedata.normalize("NFD", "ệ"), "မြို့", "בְּרֵאשִׁ֖ית", "क़ैं", "ปี่", f"1{VS16}\u20e3"):
        assert visible(word) == word


ORDINARY = {
    "Amharic": "በሕግ ፊት ሁሉም ሰው እኩል ነው።",
    "Arabic": "قال تعالى \u06dd١٢ \u200fو\u061cنعم",
    "Bengali": "র\u200d্যাচেল ও বিজ্ঞান",
    "Burmese": "လူတိုင်း\u200bသည် တူညီ\u200bသော",
    "Catalan": "col·lecció",
    "Divehi": "ހުރިހާ އިންސާނުން",
    "Dzongkha": "འགྲོ་བ་མི་རིགས་",
    "Emoji": f"👩\u200d🚀 ❤{VS16} {FLAG}{tags('gbsct')} 🇪🇸 1{VS16}\u20e3",
    "English": "co\xadop\xader\xada\xadtion",
    "French": "l’été : «\u202foui\u202f»",
    "Georgian": "ყველა ადამიანი",
    "German": "Donau\xaddampf\xadschiff",
    "Greek": "Ὅλοι οἱ ἄνθρωποι",
    "Hebrew": "\u200fשלום (C++)\u200e, בְּרֵאשִׁ֖ית",
    "Hindi": "श्रेष्\u200dठ क\u094d\u200dष",
    "Japanese": "すべての人間は、\u3000ガ",
    "Khmer": "មនុស្ស\u200bទាំងអស់\u200bកើតមក",
    "Korean": "모든 사람은",
    "Kurdish": "هەموو مرۆڤ\u200cەکان",
    "Lao": "ມະນຸດ\u200bທຸກຄົນ",
    "Malayalam": "അവന്\u200d മലയാളം",
    "Mongolian": "ᠬᠦᠮᠦᠨ\u202fᠪᠣᠯ\u180eᠠ",
    "Persian": "می\u200cخواهم",
    "Polish": "zażółć gęślą jaźń",
    "Sinhala": "ශ්\u200dරී ලංකාව",
    "Syriac": "\u070fܐܒ ܓܕ",
    "Tamil": "மனிதப் பிறவியினர்",
    "Thai": "มนุษย์\u200bทั้งหลาย",
    "Ukrainian": "м’ята на\u0301голос",
    "Urdu": "\u0600١٤ صفحہ",
    "Vietnamese": unicodedata.normalize("NFD", "Tất cả mọi người"),
    "a measure": "10\u2060km",
    "a file": "\ufeffpasted from the beginning of a file",
}


@pytest.mark.parametrize("language", ORDINARY)
def test_ordinary_text_is_shown_as_it_is(language):
    assert visible(ORDINARY[language]) == ORDINARY[language]


def test_of_controls_and_format_characters_those_stay_that_override_nothing():
    shown = set(visible("x".join(ALL)))
    controls = {char for char in shown if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")}
    seen = "\xad\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
    unseen = "\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff"
    assert controls == set("\t" + seen + unseen)


def test_what_passes_unseen_is_harmless_and_never_a_mark():
    for char in ALL:
        if _PLAIN.fullmatch(char):
            assert _look(char)[0] == char
            assert not _look(char)[1] or unicodedata.category(char) == "Cn"


def test_the_quick_look_passes_nothing_that_the_one_at_each_character_would_change():
    for char in ALL[:0x20000]:
        for text in (char, "a" + char * MARKS, "a" + char * (MARKS + 1)):
            assert visible(text) == _seen(text) or _PLAIN.fullmatch(text), ascii(text)


@given(hostile_text.filter(lambda text: "\U000e007f" not in text))
def test_the_quick_look_and_the_one_at_each_character_see_the_same(text):
    assert visible(text) == _seen(text) or _PLAIN.fullmatch(text)


@given(hostile_text)
def test_what_is_visible_stays_as_it_is(text):
    assert visible(visible(text)) == visible(text)


@given(hostile_text)
def test_no_character_but_those_of_a_pile_is_dropped(text):
    unpiled = "".join(char for char in text if not _look(char)[1])
    assert len([char for char in visible(text) if not _look(char)[1]]) >= len(unpiled)


def obeyed(line: str) -> list[object]:
    """What a terminal does with its second line beside printing it."""
    screen = pyte.Screen(500, 4)
    pyte.Stream(screen).feed(f"\r\n{line}\r\n")
    looks = {cell._replace(data="") for row in screen.buffer.values() for cell in row.values()}
    elsewhere = [row for row, cells in screen.buffer.items() if row != 1 and any(cells[x].data != " " for x in cells)]
    cursor = (screen.cursor.x, screen.cursor.y, screen.cursor.attrs)
    return [cursor, screen.title, screen.icon_name, screen.mode, screen.margins, screen.charset, looks, elsewhere]


@given(hostile_text)
def test_a_terminal_prints_it_and_does_nothing_else(text):
    assert obeyed("<amy> " + visible(text)) == obeyed("<amy> hi")


@pytest.mark.parametrize("text", ["\x1b[31mred", "\x1b]0;PWNED\a", "\x1b[2A", "\n", "\x1b[2;3r", "\x9b31mred"])
def test_a_terminal_would_have_obeyed_the_raw_text(text):
    assert obeyed("<amy> " + text) != obeyed("<amy> hi")


def test_quoted_words_are_visible_words_in_quotation_marks():
    assert quoted("see\x1byou") == '"see␛you"'


# width and wrapping


@pytest.mark.parametrize(
    ("text", "columns"), [("", 0), ("abc", 3), ("señor", 5), ("字", 2), ("e\u0301", 1), (PERSON, 2), ("a\tb", 10)]
)
def test_width_is_what_a_terminal_gives(text, columns):
    assert width(text) == columns


@given(hostile_text)
def test_visible_text_has_a_width(text):
    assert width(visible(text)) >= 0


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ["-> "]),
        ("one two", ["-> one two"]),
        ("one two three", ["-> one two", "   three"]),
        ("a  two", ["-> a  two"]),
        ("one two    three", ["-> one two", "   three"]),
        ("  one", ["->   one"]),
        ("one ", ["-> one"]),
        ("abcdefghijklmnopq", ["-> abcdefg", "   hijklmn", "   opq"]),
        ("one abcdefghij two", ["-> one", "   abcdefg", "   hij two"]),
        ("字字字字字", ["-> 字字字", "   字字"]),
        ("aaaaaae\u0301bb", ["-> aaaaaae\u0301", "   bb"]),
        (f"aaaaaa❤{VS16}b", ["-> aaaaaa", f"   ❤{VS16}b"]),
    ],
)
def test_wrapping_breaks_at_blanks_and_marks_each_line(text, lines):
    assert wrap(text, 10, "-> ", "   ") == lines


@given(hostile_text, st.integers(min_value=12, max_value=30))
def test_wrapped_lines_fit_and_hold_every_word(text, columns):
    text = visible(text)
    lines = wrap(text, columns, "-> ", "-> ")
    assert all(line.startswith("-> ") and width(line) <= columns for line in lines)
    assert "".join(line[3:] for line in lines).replace(" ", "") == text.replace(" ", "")
