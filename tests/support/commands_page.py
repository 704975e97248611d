"""The page of all commands, in a language, as the registry has them; run as a program it writes the pages anew."""

from pathlib import Path
from typing import get_args

from chat.base.language import language
from chat.commands import perform
from chat.commands.help import in_order
from chat.wire import replies

DOCS = Path(__file__).parents[2] / "docs"

assert perform  # all commands are there

TEXTS = {
    "en": (
        "commands.md",
        """# Commands

All that can be typed, or sent as `line` by a program, made from the program's own table. What begins with a slash is a
command or an error, never talk; `//word` says `/word`. What stands in brackets may be left out; `a|b` is one of them.
Aliases of every language work on every server. What a program is answered stands in [the wire](wire.md#answers).

Before a nickname is chosen those with a star work.
""",
        ("command", "what it does", "also"),
        {
            "talk": "Talk", "people": "People", "rooms": "Rooms", "history": "What was said before",
            "account": "Accounts", "staying": "Coming, staying, going", "server": "For whoever runs the server",
        },
    ),
    "es": (
        "commands.es.md",
        """# Comandos

Todo lo que se puede escribir, o enviar como `line` desde un programa, según la propia tabla del programa. Lo que
empieza por una barra es un comando o un error, nunca se dice; `//palabra` dice `/palabra`. Lo que está entre corchetes
se puede omitir; `a|b` es uno de los dos. Los alias de todos los idiomas valen en todos los servidores. Lo que se
responde a un programa está en [el protocolo](wire.es.md#respuestas).

Antes de elegir un apodo funcionan los que llevan un asterisco.
""",
        ("comando", "qué hace", "también"),
        {
            "talk": "Hablar", "people": "Personas", "rooms": "Salas", "history": "Lo que se dijo antes",
            "account": "Cuentas", "staying": "Entrar, quedarse, salir", "server": "Para quien lleva el servidor",
        },
    ),
}  # fmt: skip
"""Of each language: the file, how it begins, the heads of its tables, and the families."""


def page(code: str) -> str:
    """The page in the language of this code."""
    _, intro, heads, families = TEXTS[code]
    words = language(code).words
    parts = [intro]
    for family in get_args(replies.Family):
        rows = [row for row in in_order() if row.family == family]
        if not rows:
            continue
        parts.append(f"\n## {families[family]}\n\n| {' | '.join(heads)} |\n|---|---|---|\n")
        for row in rows:
            usage = words(row.usage).replace("|", "\\|")
            star = " \\*" if row.nameless else ""
            aliases = ", ".join(f"`/{alias}`" for alias in row.aliases)
            parts.append(f"| `{usage}`{star} | {words(row.help)} | {aliases} |\n")
    return "".join(parts)


if __name__ == "__main__":
    for code in TEXTS:
        (DOCS / TEXTS[code][0]).write_text(page(code), "utf-8")
