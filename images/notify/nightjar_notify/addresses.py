"""Where messages to a recipient go: the channels of their severity, and the addresses of each."""

from nightjar.domain.deliveries import Address
from nightjar.domain.rules import EMAIL, Recipient, Severity


def addresses_for(recipient: Recipient, severity: Severity) -> tuple[Address, ...]:
    """An address for each recipient's e-mail, and one for each other channel; in the order of the rules."""
    addresses: list[Address] = []
    for channel in recipient.channels.get(severity, ()):
        if channel == EMAIL:
            addresses += [Address(EMAIL, email) for email in recipient.recipients]
        else:
            addresses.append(Address(channel))
    return tuple(dict.fromkeys(addresses))
