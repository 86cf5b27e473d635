"""Trying rules on the past: the same answer as `nightjar rules try`, bounded, and a sentence for whatever is wrong."""

import json
import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from nightjar.cli.main import main
from nightjar.queries.trial import Bounds
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.s3 import S3Store
from nightjar.stores.rules import RulesStore
from plugins.pages.rules import try_page, trying
from plugins.pages.rules.tried import MOST_ROWS, Results, Tried
from tests.bucket import PORCH
from tests.images.base.nightjar.cli.trials import BOX, IN_FORCE, at, leave, seen, two_days
from tests.plugins.pages.one_page import make_client_of
from tests.plugins.web_world import VIEWER, Somebody

AT = "/nightjar-ui/rules/"
NEW = IN_FORCE.replace("[person, car], min_probability: 60%", "{person: 70%}").replace(
    "name: animals", "name: <b>pets</b>"
)
NOW = at("12:00", day=2)
FILLED = {"rules": NEW, "from": "2026-11-20", "to": "2026-11-21", "user": ""}
EVIL = "<script>alert(1)</script>"
HTMX = {"HX-Request": "true"}


def client_of(store: Any, person: Somebody = VIEWER) -> Any:
    return make_client_of("rules", store, person=person, clock=lambda: NOW)


def bucket() -> MemoryStore:
    """Two days of detections, and rules in force."""
    store = MemoryStore()
    two_days(store)
    RulesStore(store).put(IN_FORCE.encode())
    return store


def words_of(html: str) -> str:
    """The text of a page."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


@pytest.mark.slow  # with a server, as the command wants one
def test_the_page_says_what_the_command_says(
    s3_store: S3Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two_days(s3_store)
    RulesStore(s3_store).put(IN_FORCE.encode())
    before = sorted(v.version_id for v in s3_store.list_versions(""))
    file = tmp_path / "new.yaml"
    file.write_text(NEW)
    for user in ("", "bob"):
        options = ["--user", user] if user else []
        arguments = ["--rules", str(file), "--from", "2026-11-20", "--to", "2026-11-21", "--json", *options]
        assert main(["rules", "try", *arguments]) == 0
        said = json.loads(capsys.readouterr().out)
        client = client_of(s3_store)
        answer = client.post(f"{AT}try", files={"rules": (None, NEW)}, data={**FILLED, "user": user})
        assert answer.status_code == 200
        identity = re.search(r"/tried/([\w-]+)", answer.text)
        assert identity
        tried = try_page._results.find(VIEWER.name, identity[1])
        assert tried is not None
        sums = said["alerts"]
        assert tried.sums == (sums["in_force"], sums["new"], sums["gained"], sums["lost"])
        assert (tried.pictures, tried.cameras, tried.unknown) == (
            said["pictures"],
            said["cameras"],
            said["pictures_of_unknown_cameras"],
        )
        assert tried.in_force == said["in_force"]
        counts = sorted((vars(each) for each in tried.counts), key=lambda c: (c["user"], c["rule_id"]))
        assert counts == said["counts"]
        shown = sorted((str(row.change), row.camera, row.key) for row in tried.rows)
        told = ((m["change"], m["camera"], (m["new"] or m["in_force"])["events"][0]) for m in said["messages"])
        assert shown == sorted((change, camera, event["standard_key"]) for change, camera, event in told)
    assert sorted(v.version_id for v in s3_store.list_versions("")) == before


def test_who_may_read_may_try_and_nothing_is_changed() -> None:
    store = bucket()
    before = sorted(v.version_id for v in store.list_versions(""))
    client = client_of(store)
    answer = client.post(f"{AT}try", data=FILLED)
    assert answer.status_code == 200
    words = words_of(answer.text)
    assert "2 alerts instead of 4 under the rules in force: 0 gained, 2 lost" in words
    assert "18 pictures of 2 cameras, taken 2026-11-20 to 2026-11-21 (UTC)" in words
    assert "These rules do not send it: no rule of the camera names the label." in words
    assert "These rules do not send it: the detector is not sure enough." in words
    assert answer.text.count('<li class="card">') == 2
    assert answer.text.count('<rect class="line"') == 2
    assert "<b>pets</b>" not in answer.text
    assert NEW.splitlines()[1] in unescape(answer.text), "expected the text in the form again"
    assert sorted(v.version_id for v in store.list_versions("")) == before
    assert client.audit_lines == []
    assert client_of(store, Somebody(reads=frozenset())).post(f"{AT}try", data=FILLED).status_code == 403
    foreign = {"sec-fetch-site": "cross-site", "cookie": "_token=x"}
    assert client.post(f"{AT}try", data=FILLED, headers=foreign).status_code == 403


def test_a_part_of_the_page_for_htmx() -> None:
    answer = client_of(bucket()).post(f"{AT}try", data=FILLED, headers=HTMX)
    assert "<html" not in answer.text
    assert "<textarea" not in answer.text
    assert "2 lost" in answer.text
    here = answer.headers["HX-Push-Url"]
    assert re.fullmatch(rf"{AT}tried/[\w-]{{22}}", here)
    assert "hx-request" in answer.headers["vary"].lower()
    client = client_of(bucket())
    here = client.post(f"{AT}try", data=FILLED, headers=HTMX).headers["HX-Push-Url"]
    back = client.get(here, headers={**HTMX, "HX-History-Restore-Request": "true"})
    assert "<textarea" in back.text, "expected the whole page where htmx goes back in history"


@pytest.mark.parametrize(
    ("query", "status", "cards", "expected"),
    [
        ("", 200, 2, "gained and lost"),
        ("?change=lost", 200, 2, "1 to 2 of 2"),
        ("?change=lost&user=alice&rule=200", 200, 2, "1 to 2 of 2"),
        ("?change=gained", 200, 0, "No alert is gained."),
        ("?change=same", 200, 2, "sent by both"),
        ("?change=all", 200, 4, "1 to 4 of 4"),
        ("?change=all&user=bob", 200, 1, "1 to 1 of 1"),
        ("?change=all&user=<script>", 200, 0, "&lt;script&gt;"),
        ("?change=all&page=2", 200, 0, "There is no page 2: there are 1."),
        ("?change=none", 400, 0, "one of changed, gained, lost, same, all"),
        ("?rule=x", 400, 0, "the id of a rule"),
        ("?page=0", 400, 0, "a page as a whole number"),
    ],
)
def test_parts_of_a_result(query: str, status: int, cards: int, expected: str) -> None:
    client = client_of(bucket())
    here = client.post(f"{AT}try", data=FILLED, headers=HTMX).headers["HX-Push-Url"]
    answer = client.get(f"{here}{query}")
    assert (answer.status_code, answer.text.count('<li class="card">')) == (status, cards)
    assert expected in answer.text
    assert "<script>" not in answer.text.partition("<main")[2]


def test_a_result_is_of_who_asked() -> None:
    store = bucket()
    here = client_of(store).post(f"{AT}try", data=FILLED, headers=HTMX).headers["HX-Push-Url"]
    assert client_of(store).get(here).status_code == 200
    other = client_of(store, Somebody("mallory")).get(here)
    assert (other.status_code, "no longer kept" in other.text) == (404, True)
    assert client_of(store).get(f"{AT}tried/unknown").status_code == 404


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "line 1 : expected a mapping, got an empty file"),
        (b"ruls: 1\n", "line 1 : ruls: unknown key: did you mean rules?"),
        (b"rules:\r\n\tx: 1\r\n", "line 2 : not YAML"),
        (b"\xef\xbb\xbfversion: 2\nusers: {}\n", "line 1 : version"),
        (b"a: &a [x]\nb: [*a, *a]\n", "line 1 : expected no anchors and aliases"),
        (b"users: {}\x00", "line 1 : not YAML"),
        (b"users: \xff", "line 1 : not UTF-8"),
        (f"{EVIL}: 1\n".encode(), "alert(1)</script>: unknown key"),
        (b"x: {" * 5000, "expected at most 16 levels"),
        (b"- a\n" * 5000, "expected a mapping"),
        (b"users:\n" + b"".join(b"  u%d: {}\n" % n for n in range(300)), "and 200 more"),
    ],
)
def test_rules_that_cannot_be_used(text: bytes, expected: str) -> None:
    answer = client_of(bucket()).post(f"{AT}try", files={"file": ("r.yaml", text)}, data={**FILLED, "rules": "x"})
    assert answer.status_code == 200
    assert expected in words_of(answer.text)
    assert EVIL not in answer.text
    assert answer.text.count('class="remark ') <= 200
    assert len(answer.text) < 300_000


def test_problems_lead_to_their_lines() -> None:
    text = IN_FORCE.replace("min_probability: 80%", "min_probabilty: 80%")
    answer = client_of(bucket()).post(f"{AT}try", data={**FILLED, "rules": text})
    assert 'href="#L2" data-line="2"' in answer.text
    assert '<div class="line wrong" id="L2">' in answer.text
    assert "did you mean min_probability?" in answer.text


@pytest.mark.parametrize(
    ("field", "value", "status", "expected"),
    [
        ("from", "2026-11-22", 400, "not after the last"),
        ("from", "", 400, "Expected the first day as a UTC day"),
        ("to", "2027-11-22", 400, "at most 31 days"),
        ("from", EVIL, 400, "the first day as a UTC day"),
        ("user", "alise", 400, "did you mean alice?"),
        ("user", EVIL, 400, "a user of one of the rules"),
        ("user", "x" * 5000, 400, "a user of one of the rules"),
        ("user", " bob ", 200, "of bob"),
    ],
)
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_fields(field: str, value: str, status: int, expected: str, headers: dict[str, str]) -> None:
    answer = client_of(bucket()).post(f"{AT}try", data={**FILLED, field: value}, headers=headers)
    assert answer.status_code == status
    assert expected in words_of(answer.text)
    assert EVIL not in answer.text
    assert len(answer.text) < 20_000
    if not headers:
        assert "rules-text" in answer.text, "expected the text to be kept"


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (("2026-10-01", "2026-10-02"), "found none"),
        (("2026-11-23", "2026-11-24"), "not in the future"),
        (("2026-11-22", "2026-11-30"), "found none"),
    ],
)
def test_periods_without_pictures(days: tuple[str, str], expected: str) -> None:
    answer = client_of(bucket()).post(f"{AT}try", data={**FILLED, "from": days[0], "to": days[1]})
    assert (answer.status_code in (200, 400), expected in answer.text) == (True, True)


def test_a_bucket_without_anything() -> None:
    client = client_of(MemoryStore())
    form = client.get(f"{AT}try")
    assert (form.status_code, "There are no rules in force." in form.text) == (200, True)
    answer = client.post(f"{AT}try", data=FILLED)
    assert (answer.status_code, "xpected a deployed detector" in answer.text) == (200, True)


def test_the_period_is_that_of_the_newest_pictures() -> None:
    form = client_of(bucket()).get(f"{AT}try").text
    assert 'name="from" value="2026-11-15"' in form
    assert 'name="to" value="2026-11-21"' in form
    assert "200: {name: intruder" in form


def test_too_much_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    store = bucket()
    monkeypatch.setattr(trying.answer, "__defaults__", (Bounds(1, 1 << 30, 60.0), lambda: 0.0))
    answer = client_of(store).post(f"{AT}try", data=FILLED)
    assert answer.status_code == 200
    assert "Expected at most 1 days of cameras, the period has 3. Choose a shorter period, or one user." in answer.text


@pytest.mark.parametrize(
    ("size", "status"), [((1 << 20) - 100, 200), ((1 << 20) + 1, 413), ((1 << 20) + (128 << 10), 413)]
)
def test_a_text_is_bounded(size: int, status: int) -> None:
    text = (NEW + "#" * size).encode()[:size]
    answer = client_of(bucket()).post(f"{AT}try", files={"file": ("r.yaml", text)}, data=FILLED)
    assert answer.status_code == status


def test_not_too_often() -> None:
    client = client_of(bucket())
    codes = [client.post(f"{AT}try", data={**FILLED, "rules": ""}, headers=HTMX).status_code for _ in range(7)]
    assert codes == [200] * 6 + [429]


def test_others_are_waited_for() -> None:
    with try_page._turns.taken() as first, try_page._turns.taken() as second:
        assert (first, second) == (True, True)
        answer = client_of(bucket()).post(f"{AT}try", data=FILLED)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "10")
    assert client_of(bucket()).post(f"{AT}try", data=FILLED).status_code == 200


def test_many_alerts_are_paged_and_bounded() -> None:
    store = MemoryStore()
    number = 120
    moments = (at("00:00") + timedelta(minutes=5 * n) for n in range(number))
    leave(store, [seen(store, PORCH, moment, ("person", 0.9, BOX)) for moment in moments])
    client = client_of(store)
    here = client.post(f"{AT}try", data=FILLED, headers=HTMX).headers["HX-Push-Url"]
    first, third = client.get(here).text, client.get(f"{here}?page=3").text
    assert (first.count('<li class="card">'), third.count('<li class="card">')) == (50, 20)
    assert "1 to 50 of 120" in first
    assert "page 3 of 3" in third
    assert number < MOST_ROWS


def test_results_are_few_and_not_kept_for_long() -> None:
    now = [0.0]
    results = Results(lambda: now[0])
    tried = object.__new__(Tried)
    kept = [results.keep("olga", tried) for _ in range(9)]
    assert [results.find("olga", each) is tried for each in kept] == [False] + [True] * 8
    assert results.find("victor", kept[-1]) is None
    now[0] = 1801.0
    assert results.find("olga", kept[-1]) is None
