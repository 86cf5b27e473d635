"""`python -m tests.browser.pictures`: the README's pictures of the pages, made anew from the deployment that is up.

It has to have the sample footage: `make up DEMO=yes`. Nothing is changed there.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PIL import Image
from playwright.sync_api import Page

from nightjar_local.airflow import ADMIN
from nightjar_local.daemon import Daemon
from nightjar_local.deployment import Deployment
from nightjar_local.layout import DEPLOYMENT, ROOT
from plugins.web.addresses import MOUNT
from tests.browser.chromium import PHONE, chromium, logged_in

IMAGES = ROOT / "docs" / "images"
COLOURS = 256  # of a picture: with a palette it takes a quarter of the bytes
DESK = (1200, 760)
# Corners of the area that is being drawn, in fractions of the picture: the pavement in front of the door.
CORNERS = ((0.06, 0.62), (0.55, 0.5), (0.94, 0.66), (0.8, 0.95))


@dataclass(frozen=True)
class Shot:
    """A picture to take: the page as a person would have it in front of them."""

    address: str
    arrange: Callable[[Page], None]
    size: tuple[int, int] = DESK
    theme: str = "light"


def as_it_is(page: Page) -> None:
    """The page needs nothing more."""


def open_an_event(page: Page) -> None:
    """The newest event of a person at the door."""
    page.locator("a[data-event]").first.click()
    page.wait_for_url("**/review/event/**")


def open_its_lineage(page: Page) -> None:
    """That of the same event, down to the originals."""
    open_an_event(page)
    page.get_by_role("link", name="Where the alert comes from").click()
    page.wait_for_url("**/lineage/**")


def draw_an_area(page: Page) -> None:
    """An area with four corners, which is not closed yet."""
    page.get_by_role("button", name="New area").click()
    box = page.locator("svg.editing").bounding_box()
    assert box is not None
    for x, y in CORNERS:
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


SHOTS: Mapping[str, Shot] = {
    "overview": Shot("/overview/", as_it_is),
    "review": Shot("/review/?severity=warning", as_it_is),
    "event": Shot("/review/?camera=alice-door", open_an_event),
    "releases": Shot("/releases/", as_it_is),
    "lineage": Shot("/review/?camera=alice-door", open_its_lineage),
    "camera": Shot("/cameras/alice-door", draw_an_area),
    "phone": Shot("/review/?severity=warning", as_it_is, PHONE, "dark"),
}


def main() -> None:
    """Take every picture, in place of the one before."""
    settings = Daemon(DEPLOYMENT).settings()
    with chromium() as browser:
        context = logged_in(browser, Deployment(DEPLOYMENT, settings).url, ADMIN, settings.password)
        for name, shot in SHOTS.items():
            page = context.new_page()
            page.set_viewport_size({"width": shot.size[0], "height": shot.size[1]})
            page.emulate_media(color_scheme="dark" if shot.theme == "dark" else "light", reduced_motion="reduce")
            page.goto(f"{MOUNT}{shot.address}")
            shot.arrange(page)
            page.wait_for_load_state("networkidle")  # pictures and what htmx loads
            (IMAGES / f"{name}.png").write_bytes(small(page.screenshot()))
            page.close()


def small(png: bytes) -> bytes:
    """The picture with a palette, which a second look (k-means) brings near the colours of the page."""
    with Image.open(io.BytesIO(png)) as image:
        out = io.BytesIO()
        image.convert("RGB").quantize(COLOURS, kmeans=2).save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    main()
