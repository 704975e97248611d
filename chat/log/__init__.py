"""The mechanism: events, logs and their tails."""
