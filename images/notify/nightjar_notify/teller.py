"""Tells what is no event: equipment, digests, closings, caps, the deployment itself; under the rules of the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from nightjar.domain.alerts import Alert
from nightjar.domain.deliveries import Address, AlertState, waiting
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.notices import Notice
from nightjar.errors import TryAgainError
from nightjar_notify.courier import Courier, Line, Sent, TakenError

_TRIES = 20


@dataclass(frozen=True)
class Told:
    """How telling a notice went.

    `outcome` is `sent`, `outbox`, `failed`, `already` (nobody was left to be told), `held` (another task is telling
    it), `later` (nobody took it yet, or not all did: tell it again), or `refused` (and nothing else will be taken,
    until a person changes something). `sentence` says why, where it is not plain.
    """

    outcome: str
    sentence: str = ""
    objects: tuple[ObjectRef, ...] = ()
    possibly_repeated: bool = False

    @property
    def is_dealt_with(self) -> bool:
        """Whether it need not be told again: everybody was told, or refused it for good."""
        return self.outcome in ("sent", "outbox", "failed", "already")


def tell(courier: Courier, notice: Notice, addresses: Sequence[Address], day: date) -> Told:
    """Tell `addresses` of `notice` once; it is filed under `day`, which is always the same for the notice's id.

    Safe to call again, by whoever: those who were told are not told again, and an attempt that ended without knowing
    is repeated and marked.
    """
    ledger = courier.ledger
    key = ledger.notice_key(notice.id, day)
    context = courier.context
    for _ in range(_TRIES):
        before = ledger.read(key)
        if before and before.alert.is_done:
            return Told("already", objects=(before.ref,))
        if before and before.alert.is_held(context.output_prefix, context.run, context.clock()):
            return Told("held")
        left = waiting(before.alert.each_delivery if before else (), addresses)
        if not left:
            return Told("already", objects=(before.ref,) if before else ())
        line = Line(key, ledger.ref(key), _blank(courier, notice), before, left)
        try:
            return _told(courier.send([line], lambda _: notice)[line.id])
        except TakenError:
            continue
    raise TryAgainError(f"other tasks told of {notice.id} {_TRIES} times in a row")


def _blank(courier: Courier, notice: Notice) -> Alert:
    context = courier.context
    return Alert(
        event_id=notice.id,
        event_key="",
        user=notice.user,
        device=notice.camera.device if notice.camera else "",
        rule_id=0,
        started_at=notice.at,
        state=AlertState.CLAIMED,
        channel="",
        recipient="",
        subject=notice.subject,
        possibly_repeated=False,
        run=context.run,
        claimed_at=context.clock(),
        kind=notice.kind,
        severity=notice.severity,
    )


def _told(sent: Sent) -> Told:
    sentence = "; ".join(dict.fromkeys([*([sent.later] if sent.later else []), *sent.failed, *sent.warnings]))
    if sent.refused:
        return Told("refused", sent.refused)
    if sent.later:
        return Told("later", sentence)
    if sent.line is None:
        return Told("held", sentence)
    alert = sent.line.alert
    outcome = str(alert.state) if sent.reached else "failed" if sent.failed else "held"
    return Told(outcome, sentence, (sent.line.ref, *sent.written), alert.possibly_repeated)
