"""Why a database is not taken."""

from chat.base.language import Sentence


class Unusable(Exception):
    """The database cannot be used; the sentence says why and what to do.  It is as it was."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(sentence)
        self.sentence = sentence
