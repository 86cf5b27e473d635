"""Time zones by their IANA names, from the pinned package `tzdata`, so that every machine knows the same ones.

The machine's own files are not looked at: there `localtime`, `posixrules`, `right/Europe/Berlin` and the like may be
zones as well, and the rules of a zone may be older.
"""

from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

from nightjar.domain.near import near_names

# In the database, and no zone of any place: its clock says that nobody has set the zone.
_NO_ZONES = {"Factory"}


@cache
def zone_names() -> frozenset[str]:
    """Every name that a time zone may be given by."""
    return frozenset((resources.files("tzdata") / "zones").read_text().split()) - _NO_ZONES


@cache
def zone(name: str) -> ZoneInfo:
    """The zone called `name`; raises ValueError for any other text."""
    if name not in zone_names():
        raise ValueError(f"expected an IANA time zone like Europe/Berlin, got {name!r:.80}")
    with (resources.files("tzdata") / "zoneinfo").joinpath(*name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def near_zones(name: str) -> list[str]:
    """Up to three zones that a person may have meant by `name`, nearest first; the last part of a name will do."""
    # Etc/GMT+1 is an hour *behind* UTC: nobody who writes GMT+1 means that.
    places = (each for each in zone_names() if not each.startswith("Etc/GMT"))
    return near_names(name, {place: (place, place.rpartition("/")[2]) for place in places})
