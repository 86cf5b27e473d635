"""TLS as this machine trusts it."""

import ssl
from functools import cache


@cache
def machine_trust() -> ssl.SSLContext:
    """The machine's certificates rather than those of a package; read once for all clients, a hundredth of a second."""
    return ssl.create_default_context()
