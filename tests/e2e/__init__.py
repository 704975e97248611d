"""The real server and the real programs: `twistd chat` as a process, and whatever people join it with.

Nothing here sleeps: `waiting.until` and `Peer.hears` wait for what must happen, and fail when it does not.  All of it
is marked slow.  A program that is not installed, or a right that is missing, skips the tests that need it.
"""
