"""A real browser, Debian's Chromium, driven by Playwright, that is logged in to a real Airflow."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Frame, Page, expect, sync_playwright

WIDE, PHONE = (1280, 900), (390, 844)
PATIENCE = 120_000  # milliseconds: beside other tests, each with an Airflow of its own, a page may take long
# Faults that keep people from using a page; axe calls the rest minor or moderate.
GRAVE = frozenset({"serious", "critical"})


@dataclass(frozen=True)
class Visitor:
    """A browser window, and what went wrong in it: errors of scripts, and what the content security policy refused."""

    page: Page
    complaints: list[str]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser. Without one the test fails: `.ci/run` installs it."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("expected chromium, which Debian's package of that name brings, found none")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])  # CI's user is root
        expect.set_options(timeout=PATIENCE)
        yield browser
        browser.close()


def session(browser: Browser, url: str) -> BrowserContext:
    """A session that nobody has logged in to."""
    context = browser.new_context(viewport={"width": WIDE[0], "height": WIDE[1]}, base_url=url)
    context.set_default_timeout(PATIENCE)
    return context


def logged_in(browser: Browser, url: str, user: str, password: str) -> BrowserContext:
    """A session of `user`, who came through Airflow's own form."""
    context = session(browser, url)
    page = context.new_page()
    page.goto("/")
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda address: "/auth/" not in address)
    page.close()
    return context


def visitor(context: BrowserContext) -> Visitor:
    """A new window."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda each: complaints.append(each.text) if each.type == "error" else None)
    return Visitor(page, complaints)


def faults(page: Page | Frame) -> list[str]:
    """The faults that axe finds grave on the page as it is now, one sentence each."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {each['help']}: {node['html'][:200]}"
        for each in found
        if each["impact"] in GRAVE
        for node in each["nodes"]
    ]


def scrolls_sideways(page: Page) -> int:
    """By how many pixels the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
