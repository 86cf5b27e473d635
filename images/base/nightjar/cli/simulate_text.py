"""The plan that `nightjar simulate` makes, for people."""

from collections.abc import Iterator

from nightjar.cli.tables import aligned
from nightjar.domain.simulation.outcome import Latency, Outcome


def as_text(outcome: Outcome) -> Iterator[str]:
    """The plan as lines: whether it keeps up, the work, alerts, the bill, and the bounds, the lowest first."""
    peak = f"{outcome.peak_pictures_a_second:,.2f} a second from {outcome.peak_hour}:00"
    several = f" in {outcome.deployments:,} deployments" if outcome.deployments > 1 else ""
    yield f"{outcome.cameras:,} cameras{several}, {outcome.pictures:,} pictures a day, at most {peak}"
    yield ""
    yield from _verdict(outcome)
    yield ""
    yield "Work of the day"
    pods = sum(outcome.pods.values())
    by_stage = ", ".join(f"{count:,} {stage}" for stage, count in outcome.pods.items())
    yield from _indented(
        ("live runs", f"{outcome.runs:,}"),
        (
            "shards",
            f"{outcome.shards:,}, of {outcome.pictures_a_shard:,.1f} pictures; the largest {outcome.largest_shard:,}",
        ),
        ("pods", f"{pods:,}" + (f": {by_stage}" if pods else "")),
        ("pods a minute", f"{outcome.peak_pods_a_minute:,.0f} in the peak hour"),
        ("waiting for collect", f"at most {outcome.backlog:,}; {outcome.backlog_at_midnight:,} at the end of the day"),
    )
    yield ""
    yield "From landing to the alert, in seconds"
    yield from _indented(
        ("", "alerts", "half within", "90 %", "99 %", "all"),
        ("peak hour", *_latency(outcome.latency_in_the_peak_hour)),
        ("day", *_latency(outcome.latency_of_the_day)),
    )
    if outcome.too_old:
        yield f"  {outcome.too_old:,} were too old for an alert (NIGHTJAR_ALERT_MAX_AGE) and are in the digest"
    yield ""
    yield "Requests to S3 in the day"
    costs = [*outcome.requests.items(), ("together", outcome.total)]
    rows = [(name, f"{each.dear:,}", f"{each.cheap:,}", f"{each.dollars:,.2f}") for name, each in costs]
    yield from _indented(("", "PUT, COPY, POST, LIST", "GET, HEAD", "$"), *rows)
    if outcome.pictures:
        thousand = outcome.total.dollars / outcome.pictures * 1000
        yield f"  ${outcome.total.dollars * 30:,.0f} in 30 days, ${thousand:,.3f} for 1,000 pictures"
    yield ""
    yield "Bounds, at full batches: pictures a second, the share of it in the peak hour, and what raises it"
    bounds = [
        (each.name, f"{each.pictures_a_second:,.1f}", f"{each.share:.0%}", _held(each.busy), each.raised_by)
        for each in outcome.bounds
    ]
    yield from _indented(("", "pictures/s", "share", "held", "raised by"), *bounds)


def _verdict(outcome: Outcome) -> Iterator[str]:
    first = outcome.bounds[0]
    if not outcome.pictures:
        yield f"It keeps up, with nothing to do. Saturated first: {first.name}."
    elif outcome.keeps_up:
        yield f"It keeps up. Saturated first, at {1 / first.share:,.1f} times as much: {first.name}."
    else:
        yield f"It does not keep up in the peak hour: {first.name} (raised by {first.raised_by})."
    if outcome.unfinished:
        yield f"{outcome.unfinished:,} pictures were not through when the next day was over."


def _latency(latency: Latency) -> tuple[str, ...]:
    seconds = (latency.half, latency.nine_in_ten, latency.ninety_nine_in_a_hundred, latency.longest)
    return (f"{latency.alerts:,}", *("-" if each is None else f"{each:,}" for each in seconds))


def _held(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def _indented(*rows: tuple[str, ...]) -> Iterator[str]:
    right = range(1, len(rows[0])) if len(rows[0]) in (4, 6) else (1, 2, 3) if len(rows[0]) == 5 else ()
    for line in aligned(rows, right=list(right)):
        yield f"  {line}"
