"""Where the clock of a video jumps: what follows has no time any more.

A gap is no jump: cameras pause while nothing moves, and take a frame a minute for a time lapse. So a step is a jump if
it goes back, or if it takes an hour or more and stands alone between shorter ones: that is how clocks are set, by a
time zone, to summer time, to another date.

MP4 has no number for a step of 2^31 ticks, which may be hours: recorders that use FFmpeg then write steps of a single
tick. So a clock that stands still up to the end is one that has jumped, too.
"""

from collections.abc import Callable, Iterator

from nightjar_validate.decoded import LONGEST_VIDEO
from nightjar_validate.frames import Moment

JUMP = 3600.0  # seconds forward
_BACK = 1.0  # seconds back: cameras that mix up neighbouring frames stay below
_MIXED_UP = 16  # and these are never more frames than that: as many as a decoder keeps
_STILL = 0.001  # seconds: frames that are less apart are not taken by any camera
_AT_LAST = 2  # frames in a row at the end of a video from which a clock stands still
_ALIKE = 2  # a step of a time lapse is less than so many times as long as the one before or the one after it


def until_jump(moments: Iterator[Moment], jumped: Callable[[str], None]) -> Iterator[Moment]:
    """The frames before the first jump; `jumped` is told what came, in words, if there is one."""
    last, latest = -1.0, 0.0
    late = still = 0  # frames in a row that are not later than all before, and those without time between them
    usual = 0.0  # the step before
    waiting: Moment | None = None  # reached by a `leap`: the next frame tells whether that was a jump
    leap = 0.0
    for moment in moments:
        step = moment.seconds - last
        last = moment.seconds
        if waiting:
            if step * _ALIKE <= leap:
                break
            yield waiting
            usual, waiting = leap, None
        still = still + 1 if abs(step) < _STILL else 0
        late = 0 if last > latest else late + 1
        latest = max(last, latest)
        if still > _MIXED_UP:
            break
        if latest - last > _BACK or late > _MIXED_UP:
            jumped(f"a clock that goes back by {latest - last:.1f} s after {latest:.1f} s")
            return
        if last > LONGEST_VIDEO:
            waiting, leap = moment, step
            break
        if step >= JUMP and step >= usual * _ALIKE:
            waiting, leap = moment, step
            continue
        usual = step
        yield moment
    if still >= _AT_LAST:
        jumped(f"a clock that stands still after {latest:.1f} s")
    elif waiting:
        jumped(f"a clock that jumps by +{leap:.1f} s after {waiting.seconds - leap:.1f} s")
