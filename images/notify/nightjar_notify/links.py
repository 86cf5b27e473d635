"""The links of messages, where the deployment has an address and a key for them."""

from collections.abc import Callable
from datetime import datetime

from nightjar.runtime.links import SignedLinks
from nightjar.runtime.settings import load
from nightjar.settings.channels import ChannelSecrets, LinkSettings


def links_from_environment(clock: Callable[[], datetime]) -> SignedLinks | None:
    """The maker of links; None where messages have to name commands. Raises UsageError for a wrong setting."""
    secrets, settings = load(ChannelSecrets), load(LinkSettings)
    if not (secrets.link_key and settings.link_address):
        return None
    return SignedLinks(settings.link_address, secrets.link_key, settings.link_days, clock)
