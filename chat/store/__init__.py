"""Durability: what keeps what was said, behind `chat.core.ports.Store`."""
