"""Requests to S3, as S3 counts them for its bill: of a run, of each shard, picture and alert in it, and of what goes on
without footage.

Every stage as the program it is, over a real S3 server, with every request noted on its way. docs/kubernetes/sizing.md
has the figures.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from nightjar_local import samples
from tests.benchmarks.recorded_chain import recorded_chain
from tests.benchmarks.rows import Row
from tests.chain import Chain
from tests.recorder import Recorder, Request

CAMERAS = [f"bob-camera{n}" for n in range(5)]
PICTURES = 21
SPACING = 4  # seconds from one picture to the next: one event
RULES = """\
rules:
  300: {name: anybody, unsafe: [%s], min_probability: 50%%}
users:
  bob: {email: bob@example.com, timezone: UTC, rules: [300], devices: {%s}}
"""


@dataclass(frozen=True)
class Bill:
    """Requests by price: `dear` are PUT, COPY, POST and LIST, `cheap` GET and HEAD. Deletions cost nothing."""

    dear: float
    cheap: float

    @classmethod
    def of(cls, requests: Sequence[Request]) -> "Bill":
        """The requests of a bill."""
        dear = sum(_is_dear(each) for each in requests)
        cheap = sum(each.method in ("GET", "HEAD") for each in requests) - sum(map(_is_listing, requests))
        return cls(dear, cheap)

    def __sub__(self, other: "Bill") -> "Bill":
        return Bill(self.dear - other.dear, self.cheap - other.cheap)

    def __truediv__(self, number: int) -> "Bill":
        return Bill(self.dear / number, self.cheap / number)


def rows(say: Callable[[str], None]) -> list[Row]:
    """The requests of each part, the dear and the cheap ones."""
    bills: dict[str, Bill] = {}
    for label, kind in (("zebra", "harmless"), ("person", "alerted")):  # nobody sees a zebra
        with recorded_chain(_rules(label)) as (chain, recorder):
            start = datetime.now(UTC) - timedelta(hours=2)
            chain.live("nothing")
            recorder.take_requests()
            many = [(CAMERAS[0], start + timedelta(seconds=SPACING * n)) for n in range(PICTURES)]
            later = start + timedelta(hours=1)
            for name, shots in (
                ("first", [(CAMERAS[0], start - timedelta(hours=1))]),  # leaves what every later one finds
                ("one", [(CAMERAS[0], later)]),
                ("many", many),
                ("shards", [(camera, later + timedelta(minutes=5)) for camera in CAMERAS]),
            ):
                say(f"requests: {kind}, {name}")
                bills[f"{kind} {name}"] = _live(chain, recorder, shots, name)
            chain.max_shards = 1
            packed = [(camera, later + timedelta(minutes=10)) for camera in CAMERAS]
            bills[f"{kind} packed"] = _live(chain, recorder, packed, "packed")
            if kind == "alerted":
                say("requests: report and patrol")
                chain.report("report")
                bills["report"] = Bill.of(recorder.take_requests())
                chain.patrol("patrol")
                recorder.take_requests()
                chain.patrol("again")
                bills["patrol"] = Bill.of(recorder.take_requests())
    one, shard = bills["harmless one"], (bills["harmless shards"] - bills["harmless one"]) / (len(CAMERAS) - 1)
    picture = (bills["harmless many"] - one) / (PICTURES - 1)
    threat = (bills["alerted many"] - bills["alerted one"]) / (PICTURES - 1)
    parts = {
        "a live run, without its shards": one - shard,
        "each shard (camera) of it, with one picture": shard,
        "each further camera in a shard, with one picture": (bills["harmless packed"] - one) / (len(CAMERAS) - 1),
        "each further picture of a shard, harmless": picture,
        "each further picture of a shard, of an event": threat,
        "an event and its alert": bills["alerted one"] - one,
        "a report": bills["report"],
        "a patrol that finds nothing": bills["patrol"],
    }
    return [row for name, bill in parts.items() for row in _rows(name, bill)]


def _rows(name: str, bill: Bill) -> Iterator[Row]:
    yield Row(f"requests: {name}: PUT, COPY, POST, LIST", bill.dear, "requests")
    yield Row(f"requests: {name}: GET, HEAD", bill.cheap, "requests")


def _live(chain: Chain, recorder: Recorder, shots: Sequence[tuple[str, datetime]], run: str) -> Bill:
    bodies = [each.body for each in samples.footage() if each.name.startswith("alice-porch-") and ".jpg" in each.name]
    landed = {
        f"{camera}-{int(at.timestamp())}.jpg": bodies[5 + n % 3] for n, (camera, at) in enumerate(shots)
    }  # a person in each
    chain.land(landed)
    recorder.take_requests()
    chain.live(run)
    return Bill.of(recorder.take_requests())


def _rules(label: str) -> bytes:
    devices = ", ".join(f"{camera.partition('-')[2]}: {{}}" for camera in CAMERAS)
    return (RULES % (label, devices)).encode()


def _is_listing(request: Request) -> bool:
    asked = parse_qs(urlsplit(request.path).query, keep_blank_values=True)
    return request.method == "GET" and bool({"list-type", "prefix", "versions"} & asked.keys())


def _is_dear(request: Request) -> bool:
    return request.method in ("PUT", "POST") or _is_listing(request)
