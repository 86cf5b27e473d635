"""Retry from the page: asked first, bounded, done once, by those who may, and written down."""

import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any, cast

import pytest

from nightjar.domain.names import parse_footage_name
from nightjar.domain.reasons import Reason
from nightjar.domain.release import Ended
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.claims import CLAIMS, Claims
from nightjar.stores.footage import footage_key
from nightjar.stores.quarantine import Quarantine
from nightjar.stores.runs import Runs
from plugins.pages.quarantine import retry_page
from tests.images.base.nightjar.queries.refusals import AT, NOW, Refusals, warehouse_of
from tests.images.collect import dropping
from tests.plugins.pages.one_page import make_client_of
from tests.plugins.web_world import OPERATOR, VIEWER, PagesClient, Somebody

HOME = "/nightjar-ui/quarantine/"
OF_LIVE = Somebody("lea", acts_on=frozenset({"nightjar_live"}))


class Untouched:
    """Stands for the store and the warehouse where nothing of them may be used."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"expected no use of the bucket, got {name}")


@pytest.fixture(scope="module")
def unasked() -> PagesClient:
    """The pages over a bucket that must not be used."""
    return make_client_of("quarantine", cast(MemoryStore, Untouched()), warehouse=Untouched(), clock=lambda: NOW)


def form_in(html: str) -> dict[str, str]:
    return {
        name: unescape(value) for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', html)
    }


def claimed(store: MemoryStore) -> list[str]:
    """The keys in all claims, each as often as it is claimed."""
    return sorted(version.key for held in Claims(store).waiting() for version in held.claim.versions)


def path_of(folder: str) -> str:
    return folder.removeprefix("quarantine/").rstrip("/")


def key_of(camera: str, at: int = AT) -> str:
    return footage_key(parse_footage_name(f"{camera}-{at}.jpg"))


def test_one_refusal_is_asked_about_then_claimed_then_followed(
    client: PagesClient, store: MemoryStore, refusals: Refusals
) -> None:
    folder = refusals.add(f"alice-porch-{AT}.jpg")
    asked = client.get(f"{HOME}retry?folder={path_of(folder)}")
    assert asked.status_code == 200
    assert "Retry 1 object?" in asked.text and "nightjar_watch" in asked.text
    assert list(store.list_objects(CLAIMS)) == [], "expected asking to change nothing"
    done = client.post(f"{HOME}retry", data=form_in(asked.text))
    assert done.status_code == 303
    [held] = Claims(store).waiting()
    assert done.headers["location"] == f"{HOME}retried/{held.claim.batch_id}"
    assert claimed(store) == [key_of("alice-porch")]
    [line] = client.audit_lines
    assert (line.event, line.person, line.dag_id) == ("nightjar.retry", OPERATOR.name, "nightjar_watch")
    assert line.extra == {"batch": held.claim.batch_id, "objects": "1", "refused": path_of(folder)}

    followed = client.get(done.headers["location"])
    assert "Waiting for nightjar_watch" in followed.text
    assert "/dags/nightjar_watch/runs" in followed.text


def test_a_second_time_changes_nothing(client: PagesClient, store: MemoryStore, refusals: Refusals) -> None:
    folder = refusals.add(f"alice-porch-{AT}.jpg")
    form = form_in(client.get(f"{HOME}retry?folder={path_of(folder)}").text)
    assert client.post(f"{HOME}retry", data=form).status_code == 303
    again = client.post(f"{HOME}retry", data=form)
    assert again.status_code == 200
    assert "1 object left out: an earlier retry is about to put it through." in again.text
    assert len(claimed(store)) == 1
    assert len(client.audit_lines) == 1


def test_all_that_the_filters_show(client: PagesClient, store: MemoryStore, refusals: Refusals) -> None:
    for camera in ("alice-porch", "alice-yard", "bob-shop"):
        refusals.add(f"{camera}-{AT}.jpg")
    refusals.add(f"alice-porch-{AT + 1}.jpg", Reason.CORRUPT)
    refusals.record()
    asked = client.get(f"{HOME}retry?reason=grey&user=alice")
    assert "Retry 2 objects?" in asked.text
    form = form_in(asked.text)
    assert form == {
        "from": "2026-11-14",
        "to": "2026-11-20",
        "reason": "grey",
        "camera": "",
        "user": "alice",
        "shown": "2",
    }
    assert client.post(f"{HOME}retry", data=form).status_code == 303
    assert claimed(store) == [key_of("alice-porch"), key_of("alice-yard")]


def test_more_than_was_confirmed_is_asked_about_again(
    client: PagesClient, store: MemoryStore, refusals: Refusals
) -> None:
    refusals.add(f"alice-porch-{AT}.jpg")
    refusals.record()
    form = form_in(client.get(f"{HOME}retry?reason=grey").text)
    refusals.add(f"alice-yard-{AT}.jpg")
    refusals.record()
    again = client.post(f"{HOME}retry", data=form)
    assert again.status_code == 200
    assert "More was refused since you looked" in again.text
    assert claimed(store) == []
    assert client.post(f"{HOME}retry", data=form_in(again.text)).status_code == 303
    assert len(claimed(store)) == 2


def test_a_bounded_number_at_once(
    client: PagesClient, store: MemoryStore, refusals: Refusals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry_page, "MOST", 3)
    for number in range(5):
        refusals.add(f"alice-porch-{AT - number}.jpg", at=NOW - timedelta(seconds=number))
    refusals.record()
    asked = client.get(f"{HOME}retry?reason=grey")
    assert "Retry 3 objects?" in asked.text
    assert "The filters show 5 refusals. At most 3 are retried at a time" in asked.text
    client.post(f"{HOME}retry", data=form_in(asked.text))
    assert claimed(store) == sorted(key_of("alice-porch", AT - number) for number in range(3))


def test_what_cannot_be_retried_is_said(client: PagesClient, store: MemoryStore, refusals: Refusals) -> None:
    _, archived, damaged, lifted = (refusals.add(f"alice-{each}-{AT}.jpg") for each in "abcd")
    refusals.record()
    store.delete(key_of("alice-a"))
    store.make_unreadable(key_of("alice-b"), "KMS.DisabledException")
    store.put(f"{damaged}reason.json", b"{")
    Quarantine(store).lift(lifted)
    asked = client.get(f"{HOME}retry?reason=grey")
    assert "Nothing to retry" in asked.text and form_in(asked.text) == {}
    assert "1 object left out: erased" in asked.text
    assert "1 object left out: S3 does not give it" in asked.text
    assert "1 left out: the reason.json cannot be read" in asked.text
    statuses = [client.get(f"{HOME}retry?folder={path_of(each)}").status_code for each in (archived, damaged, lifted)]
    assert statuses == [200, 404, 404]
    answer = client.post(f"{HOME}retry", data={"shown": "1", "folder": path_of(lifted)})
    assert (answer.status_code, claimed(store)) == (404, [])


def test_reasons_that_a_retry_does_not_mend_are_marked(client: PagesClient, refusals: Refusals) -> None:
    refusals.add(f"alice-porch-{AT}.jpg")
    refusals.add("thumbs.db", Reason.BAD_NAME)
    refusals.record()
    assert "likely refused again" in client.get(f"{HOME}retry?from=2026-11-20").text
    assert "likely refused again" not in client.get(f"{HOME}retry?from=2026-11-20&reason=grey").text


@pytest.mark.parametrize("person", [VIEWER, OF_LIVE])
def test_who_may_not_act_is_refused(store: MemoryStore, refusals: Refusals, person: Somebody, tmp_path: Path) -> None:
    folder = refusals.add(f"alice-porch-{AT}.jpg")
    with warehouse_of(store, tmp_path) as warehouse:
        client = make_client_of("quarantine", store, person=person, warehouse=warehouse, clock=lambda: NOW)
        assert client.get(f"{HOME}retry?folder={path_of(folder)}").status_code == 403
        assert client.post(f"{HOME}retry", data={"folder": path_of(folder), "shown": "1"}).status_code == 403
    assert claimed(store) == []
    assert {line.event for line in client.audit_lines} == {"nightjar.refused"}


def test_a_foreign_page_is_refused(client: PagesClient, store: MemoryStore, refusals: Refusals) -> None:
    folder = refusals.add(f"alice-porch-{AT}.jpg")
    headers = {"origin": "https://evil.example.com", "sec-fetch-site": "cross-site"}
    answer = client.post(f"{HOME}retry", data={"folder": path_of(folder), "shown": "1"}, headers=headers)
    assert (answer.status_code, claimed(store)) == (403, [])


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"shown": ""},
        {"shown": "-1"},
        {"shown": "9" * 5000},
        {"shown": "\u0663"},
        {"shown": "1", "folder": "config/rules.yaml"},
        {"shown": "1", "folder": "\0"},
        {"shown": "1", "from": "2026-13-01"},
        {"shown": "1", "from": "2020-01-01", "to": "2026-01-01"},
        {"shown": "1", "camera": "<script>"},
    ],
)
def test_a_form_that_is_not_understood_does_nothing(form: dict[str, str], unasked: PagesClient) -> None:
    assert unasked.post(f"{HOME}retry", data=form).status_code == 400
    assert unasked.audit_lines == []


BATCH = "retry-20261120T120000Z-0123456789ab"


@pytest.mark.parametrize(
    ("begun", "ended", "says"),
    [
        (False, "", "has taken it up"),
        (True, "", "under way"),
        (True, "success", "has ended"),
        (True, "failed", "failed"),
    ],
)
def test_how_far_a_retry_has_come(client: PagesClient, store: MemoryStore, begun: bool, ended: str, says: str) -> None:
    run = Runs(store).live(BATCH)
    if begun:
        store.put(run.started_key, b"{}")
    if ended:
        run.end(Ended(state=ended, ended_at=NOW))
    page = client.get(f"{HOME}retried/{BATCH}")
    assert says in page.text and "<h1>" in page.text
    assert ("every 5s" in page.text) == (ended == ""), "expected a page that asks again until the end"
    assert (f"/dags/nightjar_live/runs/{BATCH}" in page.text) == begun
    part = client.get(f"{HOME}retried/{BATCH}", headers={"hx-request": "true"})
    assert says in part.text and "<h1>" not in part.text


@pytest.mark.parametrize("batch", ["20261120T120000Z-0123456789ab", "retry-", "retry-x", f"{BATCH}%0a", "%00"])
def test_no_batch_of_a_retry(unasked: PagesClient, batch: str) -> None:
    assert unasked.get(f"{HOME}retried/{batch}").status_code in (400, 404)


def test_the_watch_takes_up_what_the_page_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTJAR_MAX_OBJECT_BYTES", "5")
    store = dropping.memory_store()
    dropping.drop(store, f"alice-porch-{dropping.AT}.mp4", data=b"a long clip")
    dropping.begin_live_run(store, dropping.collected(store))
    [(folder, _)] = Quarantine(store).entries([], dropping.NOW.date(), dropping.NOW.date())
    monkeypatch.setenv("NIGHTJAR_MAX_OBJECT_BYTES", "500")
    client = make_client_of("quarantine", store, clock=lambda: dropping.NOW + timedelta(minutes=1))
    form = form_in(client.get(f"{HOME}retry?folder={path_of(folder)}").text)
    followed = client.post(f"{HOME}retry", data=form).headers["location"]
    manifest = dropping.collected(store, "w2")
    assert followed == f"{HOME}retried/{manifest.result['batch_id']}"
    assert manifest.counts.outcomes["filed"] == 1
    dropping.begin_live_run(store, manifest)
    assert "under way" in client.get(followed).text
