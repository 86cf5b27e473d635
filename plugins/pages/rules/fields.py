"""Numbers in addresses."""

from plugins.web.rendering import refuse

_MOST_DIGITS = 9


def number_in(name: str, text: str) -> int:
    """The whole number from 1 on in `text`; raises BadRequest that names it."""
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and int(text) >= 1):
        refuse(f"{name} as a whole number from 1 on", text)
    return int(text)
