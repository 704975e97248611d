"""Letters that look like others."""

from hypothesis import strategies as st

CYRILLIC_A, CYRILLIC_ER = "\u0430", "\u0440"


near_names = st.lists(
    st.one_of(
        st.sampled_from(list("aeilmnorstIOl01-_. ñéßİı\u0131\u017f\u212a\uff21\u0301\u0307ab7字")),
        st.sampled_from([CYRILLIC_A, CYRILLIC_ER, "rn", "guest", "admin", "\u1161", "\u3164", "\ufdfa", "\u200d"]),
        st.characters(),
    ),
    max_size=25,
).map("".join)


any_text = st.one_of(st.text(max_size=30), near_names)
