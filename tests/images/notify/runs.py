"""Shared by the tests of notify: the types of the fixtures, and a look into the ledger."""

import json
from collections import Counter
from collections.abc import Callable, Sequence

from nightjar.domain.alerts import Alert
from nightjar.domain.deliveries import AlertState, Delivery
from nightjar.domain.manifest import Manifest
from nightjar.domain.names import Camera
from nightjar.runtime.stage import StageContext
from nightjar.runtime.store import ObjectStore
from nightjar_notify.channels.opening import Open
from nightjar_notify.channels.protocol import Answer, Outgoing
from nightjar_notify.pace import Pace
from tests.scenes import RULES

Assessed = Callable[..., StageContext]
Notify = Callable[..., Manifest]
PERSON = {"person": 0.9}


def ledger(store: ObjectStore) -> list[Alert]:
    """Every alert in the ledger, by key."""
    keys = sorted(info.key for info in store.list_objects("alerts/"))
    return [Alert.model_validate_json(store.get(key)[0]) for key in keys]


def change(store: ObjectStore, **values: object) -> None:
    """Write every line of the ledger, and its deliveries, with other values."""
    for info in list(store.list_objects("alerts/")):
        line = {**json.loads(store.get(info.key)[0]), **values}
        own = {name: value for name, value in values.items() if name in Delivery.model_fields}
        line["deliveries"] = [{**each, **own} for each in line["deliveries"]]
        store.put(info.key, json.dumps(line).encode())


def many_cameras(number: int) -> tuple[list[Camera], str]:
    """So many cameras of alice, and the rules that know them: each has its own message."""
    names = [f"camera{n:02}" for n in range(number)]
    devices = "".join(f"      {name}: {{rules: [300]}}\n" for name in names)
    rules = RULES.replace("    devices:\n      porch", f"    devices:\n{devices}      porch", 1)
    return [Camera("alice", name) for name in names], rules


TWO_LABELS = {"person": 0.9, "dog": 0.85}  # a rule each, for alice's porch: two events, told in one message
SEVERAL = RULES.replace(
    "email: alice@example.com",
    "recipients: [alice@example.com, bob@example.com]\n    channels: {warning: [email, oncall]}",
)


class Recorder:
    """A channel that keeps what it is given; `answer` decides, sent by default."""

    def __init__(
        self, name: str, pace: Pace, sent: list[Outgoing], answer: Callable[[Outgoing], Answer | None] | None = None
    ) -> None:
        self.name, self.pace, self._sent, self._answer = name, pace, sent, answer

    def send(self, message: Outgoing) -> Answer:
        answer = self._answer(message) if self._answer else None
        self._sent.append(message)
        return answer or Answer(AlertState.SENT, message.notice.subject, message.possibly_repeated)

    def close(self) -> None:
        """Nothing is open."""


def recorder(
    sent: list[Outgoing], name: str = "email", answer: Callable[[Outgoing], Answer | None] | None = None
) -> Open:
    """Opens a Recorder that keeps messages in `sent`."""
    return lambda pace: Recorder(name, pace, sent, answer)


def told(sent: Sequence[Outgoing]) -> Counter[tuple[str, str, str]]:
    """How often each event was told to each recipient, and with or without the mark that it may be a repetition."""
    return Counter(
        (ref.id, message.recipient or "oncall", "again" if message.possibly_repeated else "")
        for message in sent
        for ref in message.notice.events
    )
