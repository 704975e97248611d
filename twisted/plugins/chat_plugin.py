"""Tells `twistd` that there is a `chat`, and nothing else: an error on import would make it vanish."""

from twisted.application.service import ServiceMaker

chat = ServiceMaker("Chat", "chat.tap", "A chat for netcat, telnet and chat-client.", "chat")
