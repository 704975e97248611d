"""Bytes to lines: what netcat, telnet and other programs really send, and what they never should."""

import re
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat.base.limits import LINE, SUBNEGOTIATION, TELNET_ANSWERS
from chat.base.text import visible
from chat.doors.lines import LineDecoder
from chat.wire.requests import END_OF_INPUT, INTERRUPT, Garbled, Overlong, Typed

IAC, DO_BINARY, DO_TM, WILL_TM = (b"\xff", b"\xff\xfd\x00", b"\xff\xfd\x06", b"\xff\xfb\x06")


def decode(*packets: bytes) -> tuple[list[Typed], bool, bytes]:
    """All lines of a connection, whether it was telnet, and all answers."""
    decoder = LineDecoder()
    lines: list[Typed] = []
    answers = b""
    for packet in packets:
        lines += decoder.feed(packet)
        answers += decoder.answers()
    return lines + decoder.end(), decoder.telnet, answers + decoder.answers()


def lines_of(*packets: bytes) -> list[Typed]:
    return decode(*packets)[0]


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The data as packets that end at these places."""
    borders = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(borders)]


MEANINGFUL = (
    b"\n | \r | \0 | \r\n | \x04 | \x08 | \x7f | \x15 | \x1b[ | \x1bO | \xff | \xff\xff | \xff\xfa | \xff\xf0"
    b" | \xff\xf6 | \xff\xfd\x06 | \xff\xfd | \xff\xfb | \xfe | \xe9 | \x81 | A | ~ | hi"
    b" | /msg bob hi | \x17 | \x03 | \xff\xf4 | \xff\xec | \xff\xf3 | \xff\xfc | \xff\xfc\x20 | \xff\xfb\x00"
    b" | \xff\xfa\x1f\0P\0\n | \xd1 | \xe2\x98"
    b" | \xc3\xa9 | \xe2\x98\x83 | \xe2\x80\x8d | \xef\xbb\xbf"
).split(b" | ")
# Bytes with a meaning stand side by side far more often here than in random bytes.
hostile_bytes = st.lists(
    st.one_of(
        st.sampled_from(MEANINGFUL),
        st.binary(max_size=4),
        st.integers(min_value=LINE - 3, max_value=LINE + 3).map(lambda size: b"x" * size),
        st.integers(min_value=SUBNEGOTIATION - 2, max_value=SUBNEGOTIATION + 2).map(lambda size: b"y" * size),
    ),
    max_size=30,
).map(b"".join)


@pytest.mark.parametrize(
    ("sent", "lines"),
    [
        (b"", []),
        (b"hi\n", ["hi"]),
        (b"hi\r\n", ["hi"]),
        (b"hi\r\0", ["hi"]),
        (b"one\rtwo\n", ["one", "two"]),
        (b"one\r\r\ntwo\r\r\0", ["one", "", "two", ""]),
        (b"one\n\rtwo\n", ["one", "", "two"]),
        (b"\n\n", ["", ""]),
        (b"  \tx \n", ["  \tx "]),
        (b"a\0b\n", ["a\0b"]),
        (b"no end", ["no end"]),
        ("señor ☃ 👩\u200d🚀\n".encode(), ["señor ☃ 👩\u200d🚀"]),
        ("\x85 \u2028\x0b\x0c\n".encode(), ["\x85 \u2028\x0b\x0c"]),
    ],
)
def test_every_kind_of_line_end_ends_one_line_and_nothing_else_does(sent, lines):
    assert lines_of(sent) == lines


@pytest.mark.parametrize("end", [b"\r\n", b"\r\0"])
def test_an_end_of_two_bytes_cut_in_the_middle_is_one_end(end):
    assert lines_of(b"one\r", end[1:] + b"two\n") == ["one", "two"]


def test_a_line_is_there_as_soon_as_its_cr_has_come():
    assert LineDecoder().feed(b"hi\r") == ["hi"]


@given(st.text("ab\r\n\0", max_size=40), st.lists(st.integers(min_value=0), max_size=10))
def test_line_ends_are_what_a_plain_model_says(text, places):
    model = re.split("\r\n|\r\0|\r|\n", text)
    if model[-1] == "":
        model.pop()
    assert lines_of(*cut(text.encode(), places)) == model


@given(hostile_bytes, st.lists(st.integers(min_value=0), max_size=12))
@example(b"\r\n", [1])
@example(b"\xff\xfay\xff\xf0z\n", [4])
@example(b"\xff\xfa" + b"y" * SUBNEGOTIATION + b"\xff\xf0z\n", [SUBNEGOTIATION + 2, SUBNEGOTIATION + 3])
@example(b"\xef\xbb\xbfhi\n", [1, 2, 3])
def test_packets_do_not_matter(data, places):
    assert decode(*cut(data, places)) == decode(data)


@given(hostile_bytes.filter(lambda data: len(data) < 2000))
def test_one_byte_a_packet_gives_the_same(data):
    assert decode(*[data[i : i + 1] for i in range(len(data))]) == decode(data)


@given(st.binary(max_size=300))
def test_any_bytes_give_lines_that_can_be_shown(data):
    for line in lines_of(data):
        if isinstance(line, str):
            assert "\n" not in line
            assert not {unicodedata.category(char) for char in visible(line).replace("\t", "")} & {"Cc", "Cs"}


@given(st.lists(hostile_bytes, max_size=20))
def test_memory_for_one_connection_is_bounded(packets):
    decoder = LineDecoder()
    for packet in packets:
        decoder.feed(packet)
        assert len(decoder._partial) <= LINE
        assert len(decoder._held) <= 2 * SUBNEGOTIATION + 3
        assert len(decoder._answered) <= 512
        assert len(decoder._answers) <= TELNET_ANSWERS + 3 * 512 + 16


# limits


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\0"])
def test_a_line_of_exactly_the_limit_is_a_line_and_one_byte_more_is_not(end):
    assert lines_of(b"x" * LINE + end + b"hi\n") == ["x" * LINE, "hi"]
    assert lines_of(b"x" * (LINE + 1) + end + b"hi\n") == [Overlong(LINE + 1, LINE), "hi"]


def test_the_limit_counts_bytes_and_not_characters():
    snowmen = "☃" * (LINE // 3)
    assert lines_of(f"{snowmen}\n{snowmen}☃\n".encode()) == [snowmen, Overlong(len(snowmen) * 3 + 3, LINE)]


def test_an_overlong_line_is_told_once_at_its_end_and_costs_nothing_meanwhile():
    decoder = LineDecoder()
    for _ in range(100):
        assert decoder.feed(b"x" * LINE) == []
        assert len(decoder._partial) <= LINE
    assert decoder.feed(b"yz\nh") == [Overlong(100 * LINE + 2, LINE)]
    assert decoder.feed(b"i\n") == ["hi"]


def test_an_overlong_line_without_an_end_is_told_when_input_ends():
    assert lines_of(b"x" * LINE, b"x") == [Overlong(LINE + 1, LINE)]


# encodings


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        (b"se\xf1or", "señor"),
        (b"\x80uro \x93hi\x94", "€uro “hi”"),
        (b"\x81\x8d\x8f\x90\x9d", "\ufffd" * 5),
        (b"\xc0\xaf", "À¯"),
        (b"\xed\xa0\x80", "í\xa0€"),
        (b"h\0i\0", "h\0i\0"),
    ],
)
def test_a_line_that_is_no_utf8_is_cp1252(sent, line):
    assert lines_of(sent + b"\n") == [line]


def test_the_encoding_is_decided_for_each_line():
    assert lines_of(b"se\xf1or\nse\xc3\xb1or\n") == ["señor", "señor"]


def test_a_byte_order_mark_is_dropped_at_the_start_and_nowhere_else():
    assert lines_of(b"\xef\xbb\xbfhi\n", b"\xef\xbb\xbfhi\n") == ["hi", "\ufeffhi"]


def test_a_lone_latin1_y_with_diaeresis_stays_and_takes_no_line_end_with_it():
    assert decode(b"a\xff\nb\xffc\r\nd\xff") == (["aÿ", "bÿc", "dÿ"], False, b"")


# editing


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        ("ab\x7fc", "ac"),
        ("ab\x08c", "ac"),
        ("\x7f\x7fa", "a"),
        ("aé\x7f", "a"),
        ("a☃\x7f", "a"),
        ("ae\u0301\x7f", "a"),
        ("a👩\u200d🚀\x7f", "a"),
        ("a👍🏽\x7f", "a"),
        ("a❤\ufe0f\x7f", "a"),
        ("one two\x15three", "three"),
        ("secret pass\x03", ""),
        ("secret\x03three", "three"),
        ("one two\x17three", "one three"),
        ("one two  \x17\x17\x17", ""),
        ("señor \tpéz\x17x", "señor \tx"),
        ("a\x1b[3$b", "ab"),
        ("a\x1b[ /b", "a\x1b[ /b"),
        ("a\x1b[Ab", "ab"),
        ("a\x1b[1;5Db", "ab"),
        ("a\x1b[3~b", "ab"),
        ("a\x1bOPb", "ab"),
        ("a\x1b[[Ab", "ab"),
        ("ab\x1b[D\x7fc", "ac"),
        ("a\x1b]0;title\x07b", "a\x1b]0;title\x07b"),
        ("a\x1bb \x1b[ \x1b", "a\x1bb \x1b[ \x1b"),
        ("a\x04", "a\x04"),
    ],
)
def test_a_line_is_edited_as_its_author_meant(sent, line):
    assert lines_of(sent.encode() + b"\n") == [line]


def test_a_long_line_of_rub_outs_is_edited_in_one_pass():
    assert lines_of(b"ab" * (LINE // 4) + b"\x7f" * (LINE // 2) + b"\n") == [""]


# the end of input


def test_ctrl_d_at_the_start_of_a_line_is_the_end_of_input_at_once():
    decoder = LineDecoder()
    assert decoder.feed(b"hi\n\x04") == ["hi", END_OF_INPUT]


def test_ctrl_d_before_other_bytes_of_a_packet_is_the_end_of_input_as_well():
    assert lines_of(b"\x04\x04hi\n") == [END_OF_INPUT, END_OF_INPUT, "hi"]


def test_ctrl_d_later_in_a_line_is_text():
    assert lines_of(b"hi", b"\x04\n") == ["hi\x04"]


# telnet


@pytest.mark.parametrize("end", [b"\r\n", b"\r\0"])
def test_a_first_line_that_ends_as_telnet_does_is_telnet_and_is_asked_for_binary_once(end):
    # The carriage return lets our next line cover what `nc -C`, which is alike, shows of it.
    assert decode(b"hi" + end + b"hi" + end) == (["hi", "hi"], True, DO_BINARY + b"\r\0")


@pytest.mark.parametrize("first", [b"\n", b"\rx", b"hi\nho\r\n", b"hi"])
def test_netcat_is_no_telnet_and_hears_nothing(first):
    assert decode(first)[1:] == (False, b"")


def test_ctrl_c_in_telnet_is_answered_so_that_it_shows_output_again():
    lines, telnet, answers = decode(b"hel\xff\xf4" + DO_TM + b"lo\n")
    assert (lines, telnet, answers) == ([INTERRUPT, "lo"], True, DO_BINARY + WILL_TM)


def test_every_timing_mark_is_answered():
    assert decode(DO_TM, DO_TM, DO_TM)[2] == DO_BINARY + 3 * WILL_TM


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        (b"\xff\xfd\x01", b"\xff\xfc\x01"),  # DO ECHO: WONT
        (b"\xff\xfd\x00", b"\xff\xfb\x00"),  # DO BINARY: WILL
        (b"\xff\xfb\x18", b"\xff\xfe\x18"),  # WILL TERMINAL-TYPE: DONT
        (b"\xff\xfb\x00", b""),  # WILL BINARY answers our own question
        (b"\xff\xfc\x00", b""),
        (b"\xff\xfe\x01", b""),
        (b"\xff\xfa\x18\x00xterm\xff\xff\xff\xf0", b""),
        (b"\xff\xfa\x1f\x00\x0d\x00\x0a\xff\xf0", b""),  # a window of 13 columns and 10 rows
        (b"\xff\xf1", b""),
    ],
)
def test_an_option_is_answered_once_and_leaves_the_text(command, answer):
    lines, telnet, answers = decode(b"a" + command + b"b" + command + b"c\n")
    assert (lines, telnet, answers) == (["abc"], True, DO_BINARY + answer)


def test_are_you_there_is_answered_with_a_line_of_the_service():
    assert decode(b"\xff\xf6")[2] == DO_BINARY + b"-> [Yes]\r\n"


def test_a_flood_of_questions_gets_a_bounded_answer():
    flood = b"".join(IAC + verb + bytes([option]) for verb in (b"\xfd", b"\xfb") for option in range(256))
    answers = decode(flood * 100 + DO_TM * 10_000)[2]
    assert len(answers) <= TELNET_ANSWERS + 3 * 512 + 16


def test_erase_character_and_erase_line_edit_the_line():
    assert lines_of(b"one\xff\xf8twoo\xff\xf7\n") == ["two"]


def test_an_escaped_0xff_is_one_byte_of_text():
    assert lines_of(b"\xff\xff\n") == ["ÿ"]


def test_a_subnegotiation_that_never_ends_gives_the_line_back_after_a_while():
    text = "y" * SUBNEGOTIATION + "b"
    assert lines_of(b"a\xff\xfa" + text.encode() + b"\nho\n") == [Garbled("a" + text), "ho"]


def test_half_a_command_at_the_end_of_input_is_nothing():
    assert lines_of(b"hi\n\xff\xfd") == ["hi"]


def test_ends_around_a_telnet_command_are_still_one_end():
    assert lines_of(b"one\r\xff\xf1\ntwo\n") == ["one", "two"]


LINE_FOR_BOB = "/msg bob my word is tulip"


@pytest.mark.parametrize("verb", [b"\xfb", b"\xfc", b"\xfd", b"\xfe"])
@pytest.mark.parametrize("text", ["", "/", LINE_FOR_BOB, "hi", "ñ", "☃", "\u0400", "😀", "À¯", "Ab"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\0", b"\r"])
def test_half_a_command_takes_none_of_the_text_behind_it(verb, text, end):
    sent = b"amy\n" + IAC + verb + text.encode() + end + b"ho\n"
    assert lines_of(sent) == ["amy", text, "ho"]


@pytest.mark.parametrize("verb", [b"\xfc", b"\xfe"])
@pytest.mark.parametrize(
    "text", [" hi", "#ops", "!", '"so"', "'tis", "$5", "%", "& co", "(he)", "*x*", "-> x", "...", "+1"]
)
def test_a_refusal_of_what_was_never_asked_for_takes_no_text(verb, text):
    assert lines_of(b"amy\n" + IAC + verb + text.encode() + b"\n") == ["amy", text]


@pytest.mark.parametrize("option", range(32, 40))
def test_what_programs_offer_and_take_back_is_no_text(option):
    number = bytes([option])
    offered, asked = b"\xff\xfb" + number, b"\xff\xfd" + number
    assert lines_of(b"a" + offered + b"\xff\xfc" + number + asked + b"\xff\xfe" + number + b"b\n") == ["ab"]


def test_a_command_behind_half_a_command_is_one():
    assert decode(b"\xff\xfc" + DO_TM + b"hi\n") == (["hi"], True, DO_BINARY + WILL_TM)


@pytest.mark.parametrize("kind", [b"\x1f\0P\0\x18", b"\x1f\0P", b"\x18\0xterm", b"\xc9{}", b""])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\0", b"\r", b"\xff\xf1\n", DO_TM + b"\n"])
def test_a_line_end_or_a_command_ends_a_subnegotiation_and_nothing_of_it_is_said(kind, end):
    garbled, *rest = lines_of(b"amy\n", b"\xff\xfa" + kind + LINE_FOR_BOB.encode() + end, b"hi\n")[1:]
    assert isinstance(garbled, Garbled)
    assert garbled.text.endswith(LINE_FOR_BOB)
    assert rest == ["hi"]


def test_a_line_behind_half_a_subnegotiation_is_answered_at_its_end_and_not_later():
    assert LineDecoder().feed(b"\xff\xfa\x1f\0P\0\x18hi\n") == [Garbled("\x1f\0P\0\x18hi")]
    assert lines_of(b"\xff\xfa\x18hi") == [Garbled("\x18hi")]


@pytest.mark.parametrize("command", [b"\xff\xf3", b"\xff\xf4", b"\xff\xec", b"\xff\xf7", b"\xff\xf8", b"\xff\xed"])
@pytest.mark.parametrize("letter", ["Ü", "\u0443", "\u0444", "☃", "👃"])
def test_a_command_inside_a_letter_is_not_obeyed_and_its_line_is_garbled(letter, command):
    first, last = letter.encode()[:1], letter.encode()[-1:]
    lines = lines_of(b"\xff\xfb\x00ok\nx", first + command + DO_TM + last + b"al\nho\n")
    assert [type(line) for line in lines] == [str, Garbled, str]


@pytest.mark.parametrize("end", [b"\r\n", b"\r\0", b"\r"])
def test_a_first_line_that_shows_telnet_and_is_no_utf8_is_not_guessed_at(end):
    assert lines_of(b"J\xf6rg" + end) == [Garbled("Jörg")]
    assert lines_of("Jörg".encode() + end) == ["Jörg"]


def test_a_command_inside_a_letter_is_known_wherever_packets_end():
    letter = "👃".encode()
    data = b"\xff\xfb\x00" + letter[:1] + DO_TM + letter[1:2] + b"\xff\xf4" + letter[2:] + b"\n"
    whole = lines_of(data)
    assert [type(line) for line in whole] == [Garbled]
    for border in range(len(data)):
        assert lines_of(data[:border], data[border:]) == whole


def test_only_the_first_line_is_not_guessed_at_for_how_it_ended():
    decoder = LineDecoder()
    assert decoder.feed(b"\xff\xfb\x00J\xff\xfa\r\nJ\xf6rg\r\n") == [Garbled("J"), "Jörg"]


def test_until_telnet_has_answered_or_had_the_time_to_nothing_is_guessed():
    decoder = LineDecoder()
    assert decoder.feed(b"amy\r\n\xe9\r\n") == ["amy", Garbled("é")]
    assert decoder.feed(b"\xff\xfb\x00\xe9\r\n") == ["é"]
    decoder = LineDecoder()
    decoder.feed(b"amy\r\n")
    decoder.trust()
    assert decoder.feed(b"\xe9\r\n") == ["é"]


def test_netcats_latin1_is_never_in_doubt():
    assert lines_of(b"J\xf6rg\nho\xe9\r\n") == ["Jörg", "hoé"]


def test_telnets_end_of_input_ends_the_line_and_the_input():
    assert lines_of(b"hi\n\xff\xec") == ["hi", END_OF_INPUT]
    assert LineDecoder().feed(b"hi\xff\xec") == ["hi", END_OF_INPUT]


def test_a_program_whose_lines_end_in_cr_lf_is_asked_for_nothing():
    decoder = LineDecoder()
    assert decoder.feed(b"/json\r\n") == ["/json"]
    decoder.ask_nothing()
    assert (decoder.answers(), decoder.in_doubt) == (b"", False)


def test_one_that_speaks_telnet_all_the_same_is():
    decoder = LineDecoder()
    assert decoder.feed(DO_TM + b"/json\r\n") == ["/json"]
    decoder.ask_nothing()
    assert decoder.answers() == DO_BINARY + WILL_TM
