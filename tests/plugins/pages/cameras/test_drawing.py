"""Areas that are drawn in a real browser, by pointer, touch and keys: the YAML on the page has just these polygons."""

import io
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from nightjar.domain.rules import CameraRules
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.rules import parse_rules
from nightjar.stores.warehouse import Warehouse, WarehouseSettings
from tests.browser.chromium import chromium
from tests.plugins.pages.cameras.cameras_world import DOOR, GATE, fill
from tests.plugins.web_world import NOW, VIEWER, make_pages, mounted

pytestmark = pytest.mark.slow  # starts a browser

HEAD = """\
users:
  alice:
    email: alice@example.com
    timezone: Europe/Berlin
    devices:
      door:
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the pages of cameras are served, for somebody who may only look."""
    store = MemoryStore(clock=lambda: NOW)
    picture = io.BytesIO()
    Image.new("RGB", (640, 360), "navy").save(picture, "JPEG")
    fill(store, NOW, picture.getvalue())
    with Warehouse(store, tmp_path_factory.mktemp("parts"), WarehouseSettings()) as warehouse, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        app = mounted(make_pages(store, person=VIEWER, warehouse=warehouse))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/nightjar-ui/cameras/"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window in which no script may fail, and nothing may be refused by the content security policy."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, has_touch=True)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda each: complaints.append(each.text) if "security" in each.text.lower() else None)
    yield opened
    context.close()
    assert complaints == []


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """The place on the screen of fractions of the picture."""
    box = page.locator("svg.editing").bounding_box()
    assert box is not None
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def rules_of(page: Page) -> CameraRules:
    """The rules of the camera with the YAML that the page shows, once it has been checked."""
    expect(page.locator("#yaml")).not_to_have_attribute("aria-busy", "true")
    lines = str(page.locator("#yaml").text_content()).splitlines()
    rules = parse_rules((HEAD + "".join(f"        {line}\n" for line in lines)).encode()).device(DOOR)
    assert rules is not None
    return rules


def near(corners: tuple[tuple[float, float], ...], expected: list[tuple[float, float]]) -> bool:
    """Whether these are the corners, but for a pixel."""
    pairs = list(zip(corners, expected, strict=True))
    return all(abs(a[0] - b[0]) < 0.003 and abs(a[1] - b[1]) < 0.003 for a, b in pairs)


def test_by_pointer(page: Page, address: str) -> None:
    page.goto(f"{address}{DOOR.name}")
    page.mouse.move(*at(page, 0, 0.5))  # a corner of the yard
    page.mouse.down()
    page.mouse.move(*at(page, 0.1, 0.6))
    page.mouse.up()
    page.mouse.move(*at(page, 0.55, 0.55))  # its upper edge
    page.mouse.down()
    page.mouse.move(*at(page, 0.55, 0.4))
    page.mouse.up()
    page.get_by_role("button", name="New mask").click()
    for corner in ((0.5, 0.7), (0.7, 0.7), (0.7, 0.9), (0.5, 0.7)):  # the last press closes it
        page.mouse.click(*at(page, *corner))
    expect(page.get_by_role("button", name="mask 2", exact=True)).to_be_visible()
    rules = rules_of(page)
    assert near(rules.areas["yard"].corners, [(0.1, 0.6), (0.55, 0.4), (1, 0.5), (1, 1), (0, 1)])
    assert rules.areas["street"].corners == ((0, 0), (0.4, 0), (0, 0.5))
    assert near(rules.masks[1].corners, [(0.5, 0.7), (0.7, 0.7), (0.7, 0.9)])
    for _ in range(3):
        page.get_by_role("button", name="As in force").click()
        page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="As in force").click()
    assert rules_of(page).areas["yard"].corners == ((0, 0.5), (1, 0.5), (1, 1), (0, 1))


def test_by_keys(page: Page, address: str) -> None:
    page.goto(f"{address}{DOOR.name}")
    page.get_by_role("button", name="New area").press("Enter")
    for keys in ("Shift+ArrowLeft Space", "Shift+ArrowRight Space", "Shift+ArrowDown Space", "Enter"):
        for key in keys.split():
            page.keyboard.press(key)
    page.get_by_label("Name").fill("drive")
    page.keyboard.press("Tab")
    assert rules_of(page).areas["drive"].corners == ((0.4, 0.5), (0.5, 0.5), (0.5, 0.6))
    page.get_by_role("button", name="Corner 1 of 3 of drive").focus()
    for key in ("ArrowUp", "Shift+ArrowRight", "+", "Delete", "ArrowLeft"):
        page.keyboard.press(key)
    assert rules_of(page).areas["drive"].corners == ((0.445, 0.495), (0.5, 0.5), (0.5, 0.6))
    page.keyboard.press("Delete")
    expect(page.locator("[data-told]")).to_have_text("An area has at least three corners.")


def test_by_touch_where_there_is_no_picture(page: Page, address: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{address}{GATE.name}")
    page.get_by_role("button", name="New area").tap()
    for corner in ((0.2, 0.2), (0.8, 0.2), (0.5, 0.8)):
        page.touchscreen.tap(*at(page, *corner))
    page.get_by_role("button", name="Close it").tap()
    assert near(rules_of(page).areas["area_1"].corners, [(0.2, 0.2), (0.8, 0.2), (0.5, 0.8)])


def test_edges_that_cross_and_bad_names_are_told(page: Page, address: str) -> None:
    page.goto(f"{address}{DOOR.name}")
    page.get_by_role("button", name="New area").click()
    for corner in ((0.2, 0.2), (0.4, 0.4), (0.4, 0.2), (0.2, 0.4)):
        page.mouse.click(*at(page, *corner))
    page.keyboard.press("Enter")
    page.get_by_label("Name").fill("<b>")
    page.keyboard.press("Tab")
    told = page.locator(".shape-list .wrong")
    expect(told.nth(0)).to_have_text("expected a name of 1 to 64 of A-Z a-z 0-9 _, got '<b>'")
    expect(told.nth(1)).to_contain_text("expected edges that do not cross")
    expect(page.get_by_role("button", name="Copy")).to_be_disabled()


def test_the_page_without_script(browser: Browser, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}{DOOR.name}")
    expect(page.locator("svg.shapes polygon")).to_have_count(3)
    expect(page.locator("#yaml")).to_contain_text("yard: [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]")
    expect(page.get_by_role("button", name="New area")).to_have_count(0)
    context.close()
