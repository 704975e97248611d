"""The face of a window: Tk draws what a `View` holds, and nothing else of the client knows it."""
