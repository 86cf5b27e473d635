"""The demo's words about a run: when it is a success, and its headline."""

import pytest

from nightjar_local.summary import Summary, headline

GOOD = Summary(
    state="success",
    videos=1,
    received=20,
    duplicates=1,
    quarantined={"grey": 2, "void": 1},
    detected=16,
    failed=0,
    threats=5,
    threatened_pictures=4,
    events=2,
    alerts={"alice": 1, "bob": 1},
    notices={"bob": 1},
    harmless={"nothing": 6, "not-unsafe": 4, "static": 2, "below-probability": 0},
    seconds={"detect": 3.0, "total": 20.0},
    report="report.html",
)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, None),
        ({"state": "failed"}, "the runs ended as failed"),
        ({"received": 21}, "21 pictures were received, and 20 have an end"),
        ({"failed": 1, "detected": 15}, "1 pictures failed and 15 were detected"),
        ({"received": 4, "detected": 0}, "0 pictures failed and 0 were detected"),
        ({"alerts": {"alice": 1}}, "2 events made 1 alerts and 0 lines of digests"),
        ({"alerts": {"alice": 1}, "unalerted": {"bob": 1}}, None),
        ({"unalerted": {"bob": 1}}, "2 events made 2 alerts and 1 lines of digests"),
    ],
)
def test_problem(change: dict[str, object], problem: str | None) -> None:
    assert GOOD.model_copy(update=change).problem() == problem


def test_the_headline_says_how_many_in_and_out_and_why() -> None:
    first, alerts, notices, digest, harmless, refused = headline(GOOD, 17).splitlines()
    assert (
        first == "17 triggers (1 video) gave 20 pictures: 3 refused, 1 duplicate, 12 harmless, 4 threats in 2 events."
    )
    assert alerts.strip() == "2 alerts, one an event: 1 alice, 1 bob"
    assert notices.strip() == "1 notice of cameras in trouble: 1 bob"
    assert digest.strip() == "not alerted, in the digest: none"
    assert harmless.strip() == "harmless: 6 with nothing in them, 4 with nothing that a rule names, 2 static"
    assert refused.strip() == "refused: 2 grey, 1 void"
