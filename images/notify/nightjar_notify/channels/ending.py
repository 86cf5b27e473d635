"""How a stage that has to end stops sending."""

from nightjar_notify.channels.protocol import Channels

_DRAIN = 10.0  # seconds for the answers to messages that were sent; less than a pod's grace period


def stop_sending(channels: Channels) -> None:
    """Let nothing more be sent, and wait for the answers to messages on their way, so that these are recorded."""
    for channel in channels.opened:
        channel.pace.stop("the stage is ending")
    for channel in channels.opened:
        channel.pace.drain(_DRAIN)
