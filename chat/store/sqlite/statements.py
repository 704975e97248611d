"""Parts of statements that are about entries."""

from chat.store.rows import SEQ_BITS, SEQ_MOST

WRITTEN = "entries (id, at, kind, person, session, nick, text, details, other)", "(?, ?, ?, ?, ?, ?, ?, ?, ?)"
"""What `values` are written to; the last one is for finding private talk."""

WRITTEN_OF_MESSAGE = "entries (id, at, kind, person, session, nick, text)", "(?, ?, 'message', ?, ?, ?, ?)"
"""What `values_of_message` are written to."""

ENTRY_SIZE = "(150 + coalesce(length(CAST(text AS BLOB)), 0) * 3 / 2)"
"""What an entry takes, as `rows.entry_size` has it."""

SAID = """
    SELECT id FROM said WHERE id > :first AND id <= min(:last, :listed)
    UNION ALL SELECT id FROM entries WHERE id > max(:first, :listed) AND id <= :last AND text IS NOT NULL
"""
"""The ids of what people said in a stretch of a log: up to `listed` they stand in a table of their own, and what is
behind, which is never much, is looked through as it is."""

UNLISTED = f"""
    logs CROSS JOIN entries ON text IS NOT NULL
        AND entries.id > (logs.id << {SEQ_BITS}) + listed AND entries.id <= (logs.id << {SEQ_BITS}) + {SEQ_MOST}
"""
"""What people said and is not listed yet, of all logs."""
