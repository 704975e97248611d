"""IRC: messages, what events look like in them, and what somebody with an IRC client is answered."""
