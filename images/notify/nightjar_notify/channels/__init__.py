"""The ways by which notices go out. `opening` gives them by name; each implements `protocol.Channel`."""
