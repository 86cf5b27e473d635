"""The place of a camera as people say it, in messages and on pages."""


def place(device: str, site: str | None) -> str:
    """`Store, shop` for device `store` at site `shop`; `Front door` for `front_door` at none.

    A device's name is made of letters, digits and `_`; a site is free text, which is kept.
    """
    words = " ".join(device.split("_")).strip() or device
    name = words[:1].upper() + words[1:]
    return f"{name}, {site}" if site and site.casefold() != words.casefold() else name
