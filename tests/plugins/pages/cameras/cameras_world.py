"""Cameras of every kind in a bucket: well, troubled, muted, silent, with many areas, without any picture, taken out."""

from datetime import datetime, timedelta
from functools import partial

from nightjar.domain.false_boxes import FalseBox
from nightjar.domain.health import Health, Look, Offset
from nightjar.domain.names import Camera
from nightjar.domain.reactions import Mute
from nightjar.domain.troubles import Facts, Trouble
from nightjar.runtime.store import ObjectStore
from nightjar.stores.false_boxes import FalseBoxes
from nightjar.stores.health import HealthStore
from nightjar.stores.reactions import Mutes
from nightjar.stores.rules import RulesStore
from nightjar.stores.standard import standard_key
from nightjar.stores.troubles import Troubles

DOOR, PORCH, MAZE, GATE = (Camera("alice", device) for device in ("door", "porch", "maze", "gate"))
SHOP, OLD = Camera("bob", "shop"), Camera("bob", "old")
MARKUP = '<script>alert("1")</script>'
RTL = "\u05d3\u05dc\u05ea \U0001f426"
_AREAS = "".join(
    f"          area_{n}: [[{n % 8 / 8}, {n // 8 / 5}], [{n % 8 / 8 + 0.1:.3f}, {n // 8 / 5}], "
    f"[{n % 8 / 8 + 0.1:.3f}, {n // 8 / 5 + 0.15:.2f}]]\n"
    for n in range(40)
)
RULES = f"""\
rules:
  100: {{name: '{MARKUP}', unsafe: [dog, cat], min_probability: 80%, severity: info}}
  200:
    name: at the door
    unsafe: {{person: 60%, car: 80%}}
    hours: "22:00-06:00"
    days: [mon, fri]
    areas: [yard]
    not_areas: [street]
    min_box: 2%
    agree: {{pictures: 3, within_seconds: 10}}
    severity: critical
  300: {{name: anybody, unsafe: [person], min_probability: 50%}}
users:
  alice:
    email: alice@example.com
    timezone: Europe/Berlin
    site: '{RTL}'
    rules: [300]
    devices:
      door:
        rules: [100, 200]
        quiet_hours: "23:00-06:00"
        areas:
          yard: [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]
          street: [[0, 0], [0.4, 0], [0, 0.5]]
        masks: [[[0.8, 0], [1, 0], [1, 0.2]]]
      porch: {{site: '"><img src=x onerror=alert(1)>', allow_grey: true}}
      maze:
        rules: []
        areas:
{_AREAS}
      gate: {{alerts: {{enabled: false}}}}
  bob:
    email: bob@example.com
    timezone: America/New_York
    rules: [300]
    devices: {{shop: {{}}}}
"""


def _replaced(health: Health, _: Health | None) -> Health:
    return health


def fill(store: ObjectStore, now: datetime, picture: bytes = b"jpeg") -> None:
    """Put it all into `store`, as it is at `now`."""
    RulesStore(store).put(RULES.encode())
    hour = timedelta(hours=1)
    for camera, taken, offset in (
        (DOOR, now - hour, 4.0),
        (PORCH, now - 5 * hour, 7300.0),
        (OLD, now - 30 * hour, -900),
    ):
        health = Health(
            user=camera.user,
            device=camera.device,
            since=now - 90 * hour,
            last_taken_at=taken,
            last_arrived_at=taken,
            looks=(Look(taken_at=taken),),
            offsets=(Offset(arrived_at=taken, least=offset, most=offset),),
            check_at=now + hour,
        )
        HealthStore(store).change(camera, partial(_replaced, health))
    store.put(standard_key(DOOR, now - hour), picture, content_type="image/jpeg")
    troubles = Troubles(store)
    covered, clock = Facts(rules=("at the door",)), Facts(offset_seconds=7300)
    for about, kind, severity, facts in (
        (PORCH, "clock", "warning", clock),
        (PORCH, "covered", "critical", covered),
        (GATE, "silent", "warning", Facts(allowed_seconds=86_400)),
        (DOOR, "frozen", "warning", Facts(pictures=30, how="exact")),
        (SHOP, "of-a-later-release", "warning", Facts()),
    ):
        troubles.open(
            Trouble(
                about=about.name, kind=kind, severity=severity, since=now - 2 * hour, opened_at=now - hour, facts=facts
            )
        )
    troubles.end(DOOR.name, "frozen", now)
    Mutes(store).put(Mute(user="bob", device="shop", until=now + 2 * hour, by=f"ui:{MARKUP}", at=now - hour))
    box = FalseBox(label="person", box=(0.55, 0.2, 0.7, 0.6), confirmed_by="ann", confirmed_at=now)
    FalseBoxes(store).put(DOOR, (box,))
