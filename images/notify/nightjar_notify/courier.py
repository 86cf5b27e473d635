"""Sends messages under the rules of the ledger: claimed before they are sent, recorded before the next one.

A message goes to one address and tells of one or more lines of the ledger. It is filed under the first of them, whose
line says how it went; the other lines refer to that one and are settled at the end. So whenever a task is killed, at
most the message that was on its way is uncertain, and it is sent once more, marked as possibly repeated.
"""

from collections.abc import Callable, Sequence

from nightjar.domain.notices import Notice
from nightjar.runtime.stage import StageContext
from nightjar.stores.ledger import Ledger
from nightjar.stores.standard import StandardPictures
from nightjar_notify.channels.protocol import Channels, Illustration
from nightjar_notify.lines import Line, Sent
from nightjar_notify.picture import pictures_of
from nightjar_notify.rounds import Round


class Courier:
    """Sends messages about lines of the ledger. Safe to use from threads."""

    def __init__(self, context: StageContext, channels: Channels) -> None:
        self.context, self.channels = context, channels
        self.ledger = Ledger(context.store)
        self._pictures = StandardPictures(context.store)

    def send(
        self,
        lines: Sequence[Line],
        notice_of: Callable[[Sequence[Line]], Notice],
        is_still: Callable[[Line], bool] = lambda _: True,
    ) -> dict[str, Sent]:
        """Tell everybody who waits for it of `lines`, most important first; how it went, by the line's id.

        `notice_of` makes the notice about some of the lines, in their order. `is_still` says whether a claimed line
        is still about the same. Raises TakenError, with nothing claimed or sent, when it is not, and when another task
        was quicker with a line.
        """
        round_ = Round(self.context, self.channels, self.ledger, self._illustrations, lines, notice_of, is_still)
        return round_.go()

    def _illustrations(self, notice: Notice) -> list[Illustration]:
        """The pictures of a notice, drawn."""
        return [Illustration(each.caption, pictures_of(self._pictures, each.threat)) for each in notice.pictures]
