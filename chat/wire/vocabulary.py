"""The words of commands: what each is called, in every language, on every server.

The table of `chat.commands` takes its aliases from here, and so does the client, which has no table.  Pure.
"""

from collections.abc import Mapping

from chat.base import resume_codes, tokens
from chat.base.nearest import nearest
from chat.base.patterns import pattern
from chat.wire import grammar

_WORDS = {
    "msg": "w tell query dm pm m whisper mensaje mp susurrar",
    "reply": "r responder",
    "paste": "pegar",
    "end": "fin",
    "delete": "redact unsay borrar",
    "report": "denunciar",
    "cancel": "cancelar",
    "nick": "name apodo nombre",
    "who": "names users online quién quiénes",
    "whois": "whoami",
    "away": "ausente",
    "back": "volver",
    "ignore": "block ignorar",
    "unignore": "unblock atender",
    "quiet": "silencio",
    "join": "j room sala entrar unirse",
    "leave": "part dejar",
    "rooms": "list channels salas",
    "topic": "tema",
    "invite": "invitar",
    "private": "privada",
    "public": "pública",
    "last": "history últimos historial",
    "since": "desde",
    "missed": "perdido",
    "grep": "search buscar",
    "mentions": "menciones",
    "resume": "retomar",
    "register": "registrar",
    "export": "exportar",
    "login": "identify acceder",
    "password": "contraseña clave passwd",
    "sessions": "sesiones",
    "key": "llave",
    "keys": "llaves",
    "operator": "oper",
    "mute": "timeout silenciar",
    "voice": "voz",
    "kick": "expulsar",
    "ban": "vetar",
    "unban": "perdonar",
    "slow": "slowmode lento",
    "limit": "límite",
    "class": "clase",
    "lock": "cerrar",
    "unlock": "abrir",
    "admit": "admitir",
    "refuse": "rechazar",
    "language": "idioma",
    "help": "h ? commands ayuda",
    "quit": "q exit bye salir",
}

ALIASES: Mapping[str, tuple[str, ...]] = {name: tuple(words.split()) for name, words in _WORDS.items()}
"""What a command is called besides, as people write it."""

_NAMES = {grammar.fold(word): name for name, words in ALIASES.items() for word in (name, *words)}

OF_CLIENTS = frozenset({"set", "reconnect", "go", "clear", "again"})
"""Commands that only a client has: on a server they will never mean anything else."""

RESERVED = frozenset(
    {
        "pass", "auth",
        "nickserv", "ns",
    }
)  # fmt: skip
"""Words of commands that chats have and this one has not: what stands behind them may be a password."""

_SECRET = ("pass", "login", "identify", "register", "registrar", "contrasena", "clave", "acceder", "auth", "oper")

_SECRETS = [word for word in (*_NAMES, *RESERVED) if word.startswith(_SECRET)]
_SLIP = 0.75
"""How much a word is like one of these that was mistyped: no other command is."""

ALL = frozenset({"all", "todo", "todos"})
"""What a list of all commands is asked with."""

FOREVER = frozenset({"forever", "siempre"})
"""What a duration is that does not end."""

YES, NO = frozenset({"on", "si"}), frozenset({"off", "no"})

_BARE = ("help", "ayuda", "?", "who", "quien", "quit", "exit", "salir")
"""What people try where a nickname is asked for; nowhere else is a bare word a command."""

_COMING_BACK = pattern(r"/*(?:([^\W\d_]+):?\s+)?(\S+)")


def named(line: str) -> str | None:
    """The name of the command that a line is, by whatever alias; None for talk, and where there is none of it."""
    typed = grammar.command_in(line)
    return None if typed is None or typed.misplaced else name_of(typed.word)


def name_of(word: str) -> str:
    """The name behind a word; a command without aliases is not known here, and has the word itself, folded."""
    folded = grammar.fold(word)
    return _NAMES.get(folded, folded)


def for_nickname(line: str) -> str:
    """A line where a nickname is asked for: some words are commands there without their slash."""
    word = line.strip()
    return f"/{word}" if len(word) < 10 and grammar.fold(word) in _BARE else line


def code_in(line: str) -> str | None:
    """The resume code that a line where a nickname is asked for gives: alone or behind the command, with its slash, two
    of them or none."""
    given = _COMING_BACK.fullmatch(line.strip())
    return resume_codes.normal(given[2]) if given and (given[1] is None or name_of(given[1]) == "resume") else None


def switch(word: str) -> bool | None:
    """Whether a word means on or off; None where it is neither."""
    folded = grammar.fold(word)
    return True if folded in YES else False if folded in NO else None


def may_hold_a_secret(word: str) -> bool:
    """Whether a word that is no command, or what stands behind it, may be somebody's password."""
    folded = grammar.fold(word)
    return folded in RESERVED or folded.startswith(_SECRET)


def quotable(line: str) -> str:
    """A line as it may be shown again: of what may hold a password, or a code, only the beginning."""
    typed = grammar.command_in(line)
    if tokens.stands_in(line):
        return "…" if typed is None else "/…"
    return "/…" if typed is not None and (_holds_a_secret(typed) or name_of(typed.word) == "resume") else line


def _holds_a_secret(typed: grammar.TypedCommand) -> bool:
    """Whether a password may stand in it, also where its word was mistyped."""
    folded = grammar.fold(typed.word)
    slipped = folded not in _NAMES and nearest(folded, _SECRETS, _SLIP) is not None
    return may_hold_a_secret(typed.word) or slipped or _says_word(typed)


def _says_word(typed: grammar.TypedCommand) -> bool:
    """Whether a command tells the word of a room, or a PIN."""
    name, words = name_of(typed.word), typed.rest.split()
    if name == "nick":
        return len(words) > 1  # a PIN, perhaps
    return name == "word" or (name == "join" and len(words) > 1)
