"""The project's own client: a connection that stays, a conversation without a screen, and faces that show it."""
