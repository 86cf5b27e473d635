"""Agreement: so many pictures within so long must show a candidate of the same topic before it is a threat. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from nightjar.domain.rules import Agree


def agreeing(moments: Sequence[datetime], agree: Agree) -> set[datetime]:
    """Those of the `moments`, ascending, at which enough pictures agree: any window that holds them may be the one.

    The moments are those of pictures that the detector looked at: what is taken from other pictures agrees with these.
    """
    within, number = timedelta(seconds=agree.within_seconds), agree.pictures
    found = set[datetime]()
    for first in range(len(moments) - number + 1):
        if moments[first + number - 1] - moments[first] <= within:
            found.update(moments[first : first + number])
    return found
