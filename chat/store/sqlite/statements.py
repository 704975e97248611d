"""Parts of statements that are about entries."""

WRITTEN = "entries (id, at, kind, person, session, nick, text, details, other)", "(?, ?, ?, ?, ?, ?, ?, ?, ?)"
"""What `values` are written to; the last one is for finding private talk."""

WRITTEN_OF_MESSAGE = "entries (id, at, kind, person, session, nick, text)", "(?, ?, 'message', ?, ?, ?, ?)"
"""What `values_of_message` are written to."""

ENTRY_SIZE = "(150 + coalesce(length(CAST(text AS BLOB)), 0) * 3 / 2)"
"""What an entry takes, as `rows.entry_size` has it."""
