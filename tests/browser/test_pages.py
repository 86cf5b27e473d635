"""The pages in a real browser, in the real Airflow, over what the real stages made of real footage."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import BrowserContext, Frame, Page, expect

from nightjar.domain.events import EventRef
from nightjar.domain.reactions import ReviewVerdict
from nightjar.stores.drop_zone import INCOMING
from nightjar.stores.reactions import Reviews
from nightjar.stores.runs import LIVE, REPORT, WATCH
from nightjar_local import samples
from nightjar_local.airflow import VIEWER
from plugins.web.addresses import MOUNT
from tests.browser.chromium import (
    PHONE,
    WIDE,
    Visitor,
    chromium,
    faults,
    logged_in,
    scrolls_sideways,
    session,
    visitor,
)
from tests.end_to_end.local_runtime import Local, running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]  # a fresh clone builds the images and the model first

NOW = datetime.now(UTC)
# A person, a cat, somebody at the door and a clip; two pictures that are refused. By camera and minutes ago.
FOOTAGE = (
    *(("alice-porch", 41), ("alice-porch", 22), ("alice-door", 24), ("bob-store", 25)),
    *(("alice-porch", 19), ("bob-lobby", 39)),
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """A deployment that has rules, and nothing else yet."""
    with running(tmp_path_factory.mktemp("pages")) as local:
        yield local


@pytest.fixture(scope="module")
def local(empty: Local) -> Local:
    """The same deployment, once it has seen some footage and told of it."""
    for sample in samples.footage(NOW):
        if any(belongs(sample.name, *each) for each in FOOTAGE):
            empty.store.put(f"{INCOMING}{sample.name}", sample.body)
    empty.airflow.start_dags([LIVE, REPORT, WATCH], check=empty.deployment.check)
    empty.wait("the live run", lambda: bool(empty.airflow.runs(LIVE)))
    empty.wait_for_success(LIVE, live_run(empty))
    return empty


def belongs(name: str, camera: str, minutes_ago: int) -> bool:
    """Whether a sample is of that camera and half-minute."""
    match = re.fullmatch(rf"{camera}-(\d+)\.\w+", name)
    if not match:
        return False
    age = NOW - datetime.fromtimestamp(int(match[1]), UTC)
    return abs(age - timedelta(minutes=minutes_ago)) < timedelta(seconds=20)


def live_run(local: Local) -> str:
    """The first live run."""
    return str(local.airflow.runs(LIVE)[0]["dag_run_id"])


@pytest.fixture(scope="module")
def operator(empty: Local) -> Iterator[BrowserContext]:
    with chromium() as browser:
        yield logged_in(browser, empty.deployment.url, "admin", empty.deployment.settings.password)


@pytest.fixture
def window(operator: BrowserContext) -> Iterator[Visitor]:
    opened = visitor(operator)
    yield opened
    assert opened.complaints == []
    opened.page.close()


def frame_of(page: Page, path: str = "") -> Frame:
    """The page of ours that Airflow shows, once it is at `path`."""
    handle = page.locator(f"iframe[src*='{MOUNT.strip('/')}']").element_handle()
    assert handle is not None
    frame = handle.content_frame()
    assert frame is not None
    frame.wait_for_url(re.compile(re.escape(f"{MOUNT}/{path}")))
    frame.wait_for_load_state()
    return frame


def kind(address: str) -> str:
    """Addresses with the same path, but for names, days and ids, are of a kind; what is filtered is the same page."""
    path = address.partition("?")[0].removeprefix(f"{MOUNT}/")
    return "/".join(
        part if re.fullmatch(r"[a-z-]{1,12}", part) and "-" not in part else "*" for part in path.split("/")
    )


# Each theme and each width once: axe takes a second.
LOOKS = (("light", WIDE), ("dark", PHONE))


def faults_of(window: Visitor) -> list[tuple[str, str, str]]:
    """The faults of the page as it is: its address, the look, and a sentence each."""
    page, wrong = window.page, []
    page.wait_for_load_state("networkidle")  # what htmx loads, too
    expect(page.locator("h1")).to_have_count(1)
    for theme, (width, height) in LOOKS:
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        page.set_viewport_size({"width": width, "height": height})
        wrong += [(page.url, f"{theme}, {width}", fault) for fault in faults(page)]
        if (over := scrolls_sideways(page)) > 0:
            wrong.append((page.url, f"{theme}, {width}", f"{over} pixels wider than the window"))
    return wrong


def visited(window: Visitor, waiting: list[str], *, follow: bool) -> dict[str, list[tuple[str, str, str]]]:
    """The faults of pages by address: those `waiting`, and with `follow` one of each kind that their links lead to."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    kinds = set[str]()
    while waiting:
        address = waiting.pop(0)
        if not address.startswith(f"{MOUNT}/") or kind(address) in kinds or "/static/" in address:
            continue
        answer = window.page.goto(address)
        assert answer is not None and answer.status == 200, (address, answer)
        kinds.add(kind(address))
        if follow:
            waiting += window.page.locator("a[href]:not([data-airflow]):not([download])").evaluate_all(
                "links => links.map(link => new URL(link.href)).map(url => url.pathname + url.search)"
            )
        found[address] = faults_of(window)
    return found


def test_pages_without_anything_to_show_say_so(window: Visitor) -> None:
    window.page.goto(f"{MOUNT}/")
    links = window.page.get_by_role("navigation", name="Nightjar").get_by_role("link")
    found = visited(window, [str(link.get_attribute("href")) for link in links.all()], follow=False)
    assert len(found) >= 6
    assert [fault for each in found.values() for fault in each] == []


def test_every_page_can_be_used_in_both_themes_wide_and_on_a_phone(window: Visitor, local: Local) -> None:
    del local
    found = visited(window, [f"{MOUNT}/"], follow=True)
    assert len(found) >= 10
    assert [fault for each in found.values() for fault in each] == []


def test_airflow_shows_the_pages_and_keeps_their_address(window: Visitor, local: Local) -> None:
    del local
    page = window.page
    page.goto("/")
    page.get_by_role("link", name="Nightjar", exact=True).first.click()
    frame = frame_of(page)
    frame.get_by_role("navigation").get_by_role("link", name="Review").click()
    frame = frame_of(page, "review/")
    frame.goto(f"{MOUNT}/review/?label=cat")
    page.wait_for_url(re.compile(r"/plugin/nightjar/.*review/\?label=cat"))
    page.reload()
    frame = frame_of(page, "review/?label=cat")
    expect(frame.locator(".card .what", has_text="cat").first).to_be_visible()
    expect(frame.locator(".card .what", has_text="person")).to_have_count(0)


def test_the_pages_follow_the_theme_of_airflow(window: Visitor, local: Local) -> None:
    del local
    page = window.page
    page.emulate_media(color_scheme="light")
    page.goto("/plugin/nightjar")
    for theme in ("dark", "light"):
        page.evaluate("theme => localStorage.setItem('theme', theme)", theme)
        page.reload()
        expect(frame_of(page).locator("html")).to_have_attribute("data-theme", theme)
    page.evaluate("localStorage.removeItem('theme')")


def test_a_run_and_a_task_show_their_footage(window: Visitor, local: Local) -> None:
    page, run = window.page, live_run(local)
    page.goto(f"/dags/{LIVE}/runs/{run}")
    page.locator("a[href$='/plugin/nightjar-run']").click()  # the tab; the navigation has a link of the same name
    expect(frame_of(page, "runs/run").get_by_role("heading", level=1)).to_be_visible()
    [task] = [each for each in local.airflow.tasks(LIVE, run) if each["task_id"] == "shard.detect"][:1]
    page.goto(f"/dags/{LIVE}/runs/{run}/tasks/shard.detect/mapped/{task['map_index']}")
    page.locator("a[href$='/plugin/nightjar-task']").click()
    frame = frame_of(page, "runs/task")
    expect(frame.locator("img").first).to_be_visible()


def test_events_are_reviewed_by_keyboard_alone(window: Visitor, local: Local) -> None:
    page = window.page
    page.goto(f"{MOUNT}/review/?label=person")
    page.keyboard.press("j")
    card = page.locator("a[data-event]:focus")
    expect(card).to_have_count(1)
    camera, day, event_id = str(card.get_attribute("href")).split("/")[-3:]
    ref = EventRef(id=event_id, day=datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).date())
    reviews = Reviews(local.store)

    def said() -> str | None:
        review = reviews.get(ref)
        return str(review.verdict) if review else None

    page.keyboard.press("c")
    page.keyboard.press("f")  # before the answer to the first is there
    local.wait("the second word to be stored", lambda: said() == ReviewVerdict.FALSE_ALARM, timeout=60)
    expect(page.locator("a[data-event]:focus")).to_have_attribute("href", re.compile(event_id))
    expect(page.locator(".card:focus-within [data-act='f']")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("c")
    local.wait("the third word to be stored", lambda: said() == ReviewVerdict.CONFIRMED, timeout=60)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"/review/event/{camera}/{day}/{event_id}"))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_count(1)


def test_who_is_a_viewer_sees_all_and_changes_nothing(local: Local, operator: BrowserContext) -> None:
    browser = operator.browser
    assert browser is not None
    context = logged_in(browser, local.deployment.url, VIEWER, local.deployment.settings.viewer_password)
    page = context.new_page()
    page.goto(f"{MOUNT}/review/")
    expect(page.locator("a[data-event]").first).to_be_visible()
    expect(page.get_by_role("button", name="Not a threat")).to_have_count(0)
    event = str(page.locator("a[data-event]").first.get_attribute("href"))
    answer = context.request.post(f"{event}/review", form={"verdict": "confirmed"})
    assert answer.status == 403
    log = local.airflow.event_logs("nightjar.refused")
    assert [each["owner"] for each in log] == [VIEWER]
    context.close()


def test_who_is_not_logged_in_sees_nothing(local: Local, operator: BrowserContext) -> None:
    browser = operator.browser
    assert browser is not None
    context = session(browser, local.deployment.url)
    page = context.new_page()
    answer = page.goto(f"{MOUNT}/review/?label=person")
    assert answer is not None and answer.status == 401
    assert "person" not in page.locator("main").inner_text()
    page.get_by_role("link").first.click()  # to the login, and back
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(local.deployment.settings.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(re.compile(rf"{MOUNT}/review/\?label=person"))
    context.close()
