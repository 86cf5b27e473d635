"""E-mail through SendGrid."""

from collections.abc import Callable
from datetime import datetime

from nightjar.domain.deliveries import AlertState
from nightjar.settings.notify import NotifySettings, SendGridSettings
from nightjar_notify.answers import Verdict
from nightjar_notify.channels.protocol import EMAIL, Answer, Outgoing
from nightjar_notify.mail_api import SendGrid
from nightjar_notify.message import Message, compose, subject_of
from nightjar_notify.pace import Pace

_STATES = {
    Verdict.ACCEPTED: AlertState.SENT,
    Verdict.LATER: AlertState.CLAIMED,
    Verdict.REFUSED: AlertState.FAILED,
    Verdict.UNAUTHORISED: AlertState.FAILED,
}


class MailChannel:
    """SendGrid's API."""

    name = EMAIL

    def __init__(
        self, settings: NotifySettings, api: SendGridSettings, clock: Callable[[], datetime], pace: Pace
    ) -> None:
        self.pace = pace
        self._api = SendGrid(api, settings, clock, pace)

    def send(self, message: Outgoing) -> Answer:
        """Send it, again and again while the answer is "later" and the pace allows it."""

        def composed(possibly_repeated: bool) -> Message:
            return compose(message, possibly_repeated=possibly_repeated)

        answers = self._api.send(composed, message.notice.id, repeated=message.possibly_repeated)
        verdict = answers[-1].verdict
        # A message counts as repeated if an earlier call had no answer; after "later", the next attempt repeats it.
        before = answers if verdict is Verdict.LATER else answers[:-1]
        repeated = message.possibly_repeated or any(answer.unknown for answer in before)
        return Answer(
            state=_STATES[verdict],
            subject=subject_of(message.notice, possibly_repeated=repeated),
            possibly_repeated=repeated,
            calls=tuple(
                answer.call.model_copy(update={"channel": EMAIL, "recipient": message.recipient}) for answer in answers
            ),
            refused_for_all=verdict is Verdict.UNAUTHORISED,
            quota=answers[-1].quota,
        )

    def close(self) -> None:
        """Close the connections."""
        self._api.close()
