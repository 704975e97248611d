"""No chat in it: what every street stands on."""
