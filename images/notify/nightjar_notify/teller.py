"""Tells what is no event: equipment, digests, closings, caps, the deployment itself; under the rules of the ledger."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from nightjar.domain.alerts import Alert
from nightjar.domain.deliveries import Address, AlertState, waiting
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.notices import Notice
from nightjar.errors import TryAgainError
from nightjar_notify.courier import Courier
from nightjar_notify.lines import Line, Sent, TakenError

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
    return tell_together(courier, [(notice, day)], addresses, lambda notices: notices[0])[notice.id]


def tell_together(
    courier: Courier,
    notices: Sequence[tuple[Notice, date]],
    addresses: Sequence[Address],
    together: Callable[[Sequence[Notice]], Notice],
) -> Mapping[str, Told]:
    """Tell `addresses` of several notices, each once and filed by itself, in one message: how it went, by notice.

    `together` makes one notice of those that an address was not told of yet, in their order.
    """
    for _ in range(_TRIES):
        told: dict[str, Told] = {}
        lines: dict[str, tuple[Line, Notice]] = {}
        for notice, day in notices:
            line = _line(courier, notice, addresses, day)
            if isinstance(line, Told):
                told[notice.id] = line
            else:
                lines[line.id] = line, notice

        def notice_of(some: Sequence[Line], lines: Mapping[str, tuple[Line, Notice]] = lines) -> Notice:
            return together([lines[line.id][1] for line in some])

        try:
            sent = courier.send([line for line, _ in lines.values()], notice_of)
        except TakenError:
            continue
        return told | {lines[identity][1].id: _told(each) for identity, each in sent.items()}
    raise TryAgainError(f"other tasks told of {notices[0][0].id} {_TRIES} times in a row")


def _line(courier: Courier, notice: Notice, addresses: Sequence[Address], day: date) -> Line | Told:
    """The notice's line of the ledger, to be told to those who were not; or why nobody is to be told now."""
    ledger, context = courier.ledger, courier.context
    key = ledger.notice_key(notice.id, day)
    before = ledger.read(key)
    if before and before.alert.is_done:
        return Told("already", objects=(before.ref,))
    if before and before.alert.is_held(context.output_prefix, context.run, context.clock()):
        return Told("held")
    left = waiting(before.alert.each_delivery if before else (), addresses)
    if not left:
        return Told("already", objects=(before.ref,) if before else ())
    return Line(key, ledger.ref(key), _blank(courier, notice), before, left)


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
