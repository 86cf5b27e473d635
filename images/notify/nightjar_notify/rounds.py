"""The messages about some lines of the ledger, one for each address: claimed, sent, recorded."""

from collections.abc import Callable, Sequence

from nightjar.domain.alerts import Alert
from nightjar.domain.deliveries import Address, AlertState, Delivery, Happened
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.notices import Notice
from nightjar.runtime.stage import StageContext
from nightjar.runtime.store import ObjectChangedError
from nightjar.stores.ledger import Ledger, LedgerLine
from nightjar_notify.channels.protocol import EMAIL, Answer, Channel, Channels, Illustration, Outgoing
from nightjar_notify.lines import Line, Sent, TakenError
from nightjar_notify.traces import log_delivery

_ENDS = {
    AlertState.SENT: Happened.ACCEPTED,
    AlertState.OUTBOX: Happened.KEPT,
    AlertState.FAILED: Happened.REFUSED,
}


class Round:
    """The messages about some lines, one for each address."""

    def __init__(
        self,
        context: StageContext,
        channels: Channels,
        ledger: Ledger,
        illustrations_of: Callable[[Notice], list[Illustration]],
        lines: Sequence[Line],
        notice_of: Callable[[Sequence[Line]], Notice],
        is_still: Callable[[Line], bool],
    ) -> None:
        self._context, self._channels, self._ledger = context, channels, ledger
        self._lines, self._is_still = lines, is_still
        addresses = dict.fromkeys(address for line in lines for address in line.waiting)
        self._told = {address: [line for line in lines if address in line.waiting] for address in addresses}
        self._first_email = next((address for address in addresses if address.channel == EMAIL), None)
        made: dict[tuple[str, ...], tuple[Notice, list[Illustration]]] = {}
        self._notices: dict[Address, tuple[Notice, list[Illustration]]] = {}
        for address, told in self._told.items():
            ids = tuple(line.id for line in told)
            if ids not in made:
                notice = notice_of(told)
                made[ids] = notice, illustrations_of(notice)
            self._notices[address] = made[ids]
        self._claimed: dict[str, LedgerLine] = {}
        self._lost = set[str]()  # lines that another task has taken over
        self._sent = {line.id: Sent(line.before) for line in lines}

    def go(self) -> dict[str, Sent]:
        for address in self._told:
            channel = self._channels.named(address.channel)
            if isinstance(channel, str):
                self._deliver(address, None, channel)
                continue
            with channel.pace.delivery() as allowed:
                if allowed:
                    self._deliver(address, channel, "")
                else:
                    self._note(address, later=f"not tried, since {channel.pace.stopped_by}")
        self._settle()
        for identity, line in self._claimed.items():
            self._sent[identity].line = line
            self._sent[identity].is_tried = True
        return self._sent

    def _deliver(self, address: Address, channel: Channel | None, problem: str) -> None:
        """Send the message to `address` through `channel`; without one, it fails because of `problem`."""
        if not self._claimed:
            self._claim(address)
        first = self._told[address][0]
        if first.id in self._lost or not self._start(first, address):
            return
        notice, illustrations = self._notices[address]
        delivery = _delivery(self._claimed[first.id], address)
        if channel is None:
            answer = Answer(AlertState.FAILED, notice.subject, delivery.possibly_repeated, problem=problem)
        else:
            is_first = address.channel != EMAIL or address == self._first_email
            repeated = delivery.possibly_repeated
            answer = channel.send(Outgoing(notice, address.recipient, illustrations, repeated, is_first))
            channel.pace.settled(later=answer.state is AlertState.CLAIMED)
            if answer.refused_for_all:
                channel.pace.stop(f"{_api(address)} refuses the key or the sender")
        self._record(first, address, delivery, answer)

    def _claim(self, first_address: Address) -> None:
        """Claim all lines; last the one whose message is sent first, since that claim says that it is on its way."""
        first = self._told[first_address][0]
        try:
            for line in (*(each for each in self._lines if each.id != first.id), first):
                stored = self._ledger.claim_at(line.key, self._claim_of(line, first_address), line.before)
                if stored is None:
                    raise TakenError(line.key)
                self._claimed[line.id] = stored
                # Whoever changed what the line is about before the claim was written may not have seen the claim.
                # Whoever does from now on sees it, and leaves the alert to this task.
                if not self._is_still(line):
                    raise TakenError(line.key)
        except TakenError:
            for line in self._lines:
                if line.id in self._claimed:
                    self._ledger.release(self._claimed[line.id], line.before)
            raise

    def _claim_of(self, line: Line, first_address: Address) -> Alert:
        now, context = self._context.clock(), self._context
        before = line.before.alert if line.before else None
        deliveries = {each.address: each for each in (before.each_delivery if before else ())}
        for address in line.waiting:
            told = self._told[address]
            is_first = told[0].id == line.id
            delivery = deliveries.get(address) or Delivery(channel=address.channel, recipient=address.recipient)
            deliveries[address] = delivery.after(
                Happened.STARTED if is_first and address == first_address else Happened.CLAIMED,
                now,
                subject=self._notices[address][0].subject,
                told_with=None if is_first else told[0].ref,
                together=tuple(each.id for each in told[1:]) if is_first else (),
            )
        for address, delivery in deliveries.items():
            if delivery.state == AlertState.CLAIMED and address not in line.waiting:
                gone = {"state": AlertState.FAILED, "in_flight": False, "problem": "no longer among the recipients"}
                deliveries[address] = delivery.model_copy(update=gone)
        alert = before or line.blank
        if not alert.anybody_told:  # a message that is tried again tells of the event as it is by now
            alert = alert.model_copy(
                update={"told_until": line.blank.told_until, "severity": line.blank.severity, "kind": line.blank.kind}
            )
        return alert.delivering(
            tuple(deliveries.values()),
            run=context.run,
            holder=context.output_prefix,
            claimed_at=now,
            made_by=context.maker,
            inputs=self._inputs(line, first_address),
        )

    def _inputs(self, line: Line, address: Address) -> tuple[ObjectRef, ...]:
        """The event of the line and the pictures of its message, as they were read; of a notice, its pictures."""
        notice, _ = self._notices[address]
        shown = [each.threat.picture.standard_key for each in notice.pictures]
        keys = dict.fromkeys(key for key in (line.blank.event_key, *shown) if key)
        return tuple(ref for key in keys if (ref := self._context.notes.last(key)))

    def _start(self, line: Line, address: Address) -> bool:
        """Note that the message is on its way; False if another task has taken the line over."""
        stored = self._claimed[line.id]
        delivery = _delivery(stored, address)
        if delivery.in_flight:  # by its claim
            return True
        now = self._context.clock()
        alert = _with(stored.alert, delivery.after(Happened.STARTED, now)).model_copy(update={"claimed_at": now})
        return self._write(line.id, alert)

    def _record(self, line: Line, address: Address, delivery: Delivery, answer: Answer) -> None:
        lost = answer.possibly_repeated and not delivery.possibly_repeated
        happened = _ENDS.get(answer.state, Happened.LOST if lost else Happened.LATER)
        after = delivery.after(
            happened,
            self._context.clock(),
            subject=answer.subject,
            possibly_repeated=answer.possibly_repeated,
            outbox_key=answer.written.key if answer.written else None,
            problem=answer.problem,
        )
        stored = self._claimed[line.id]
        self._write(line.id, _with(stored.alert, after, calls=(*stored.alert.calls, *answer.calls)))
        log_delivery(stored, after, len(answer.calls))
        sentence = f"{_api(address)} refused the alert: {answer.sentence}"
        quota = "the quota of the mail account is used up for now; " if answer.quota else ""
        self._note(
            address,
            later=f"{quota}{_api(address)} answered {answer.sentence}" if answer.state is AlertState.CLAIMED else "",
            refused=f"{_refuses(address)}: {answer.sentence}" if answer.refused_for_all else "",
            failed=(answer.problem or sentence) if answer.state is AlertState.FAILED else "",
            written=answer.written,
        )

    def _settle(self) -> None:
        """Write how it went into the lines that were told with others."""
        for identity, stored in list(self._claimed.items()):
            if identity in self._lost:
                continue
            deliveries = stored.alert.deliveries
            calls = list(stored.alert.calls)
            settled = []
            for delivery in deliveries:
                first = self._claimed.get(delivery.told_with.id) if delivery.told_with else None
                after = delivery.as_told(identity, first.alert.deliveries) if first else delivery
                if first and after != delivery:
                    calls += [call for call in first.alert.calls_to(after) if call not in calls]
                settled.append(after)
            if tuple(settled) != deliveries:
                self._write(identity, stored.alert.delivering(settled, calls=tuple(calls)))

    def _write(self, identity: str, alert: Alert) -> bool:
        stored = self._claimed[identity]
        try:
            self._claimed[identity] = self._ledger.record(stored, alert)
        except ObjectChangedError as error:
            self._lost.add(identity)
            self._sent[identity].warnings.append(f"another run took the alert over while it was sent: {error}")
            return False
        return True

    def _note(
        self, address: Address, later: str = "", refused: str = "", failed: str = "", written: ObjectRef | None = None
    ) -> None:
        for line in self._told[address]:
            sent = self._sent[line.id]
            sent.later, sent.refused = sent.later or later, sent.refused or refused
            sent.failed += [failed] if failed else []
            sent.written += [written] if written else []


def _delivery(line: LedgerLine, address: Address) -> Delivery:
    delivery = line.alert.delivery(address)
    assert delivery is not None, f"expected a claimed delivery to {address}"
    return delivery


def _with(alert: Alert, delivery: Delivery, **values: object) -> Alert:
    deliveries = [delivery if each.address == delivery.address else each for each in alert.deliveries]
    return alert.delivering(deliveries, **values)


def _refuses(address: Address) -> str:
    secrets = "SENDGRID_API_KEY or NIGHTJAR_MAIL_FROM" if address.channel == EMAIL else "its URL or the key in it"
    return f"{_api(address)} refuses {secrets}"


def _api(address: Address) -> str:
    return "the mail API" if address.channel == EMAIL else f"channel {address.channel}"
