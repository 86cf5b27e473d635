"""The pages behind links in messages: GET shows a button and says what it does, POST does it.

Scanners of e-mail follow every link, so that nothing may happen by GET. The signature is the login: no cookie counts,
which is why a foreign page gains nothing by sending its visitor here. Bodies are never read.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from nightjar.domain.reactions import Review, ReviewVerdict, mute
from nightjar.errors import NightjarError
from nightjar.runtime.links import FalseAlarmLink, LinkRefusedError, MuteLink, SignedLinks, utc_now
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings, load
from nightjar.runtime.store import ObjectStore
from nightjar.settings.channels import ChannelSecrets, LinkSettings
from nightjar.stores.reactions import Mutes, Reviews
from plugins.links.page import HEADERS, Page, render

log = logging.getLogger(__name__)

_LARGEST_BODY = 4096  # bytes
_BY = "link"


def make_app(links: SignedLinks | None, store: Callable[[], ObjectStore], clock: Callable[[], datetime]) -> FastAPI:
    """The app. Without `links`, since there is no key for them, every link is refused."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/{action}/{token}")
    def ask(action: str, token: str) -> HTMLResponse:
        return _answer(links, action, token, lambda allowed: _question(allowed))

    @app.post("/{action}/{token}")
    def do(action: str, token: str, request: Request) -> HTMLResponse:
        length = request.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > _LARGEST_BODY:
            return _page(413, Page("Too large", "This page takes a button, nothing else."))
        return _answer(links, action, token, lambda allowed: _done(allowed, store(), clock()))

    @app.exception_handler(404)
    @app.exception_handler(405)
    def none(request: Request, error: Exception) -> HTMLResponse:
        del request, error
        return _page(404, _REFUSED)

    return app


def app_from_environment() -> FastAPI:
    """The app with the settings of this process; a wrong or missing one makes pages that say so, and stops nothing."""
    links = None
    try:
        secrets, settings = load(ChannelSecrets), load(LinkSettings)
        if secrets.link_key:
            links = SignedLinks("", secrets.link_key, settings.link_days, utc_now)
    except NightjarError as error:
        log.error("links in messages do not work: %s", error)
    return make_app(links, lambda: S3Store(load(StoreSettings)), utc_now)


_REFUSED = Page("This link does not work", "It is not complete, or not from Nightjar. Open it from the message again.")
_EXPIRED = Page("This link is too old", "Links work for some days. The message says how else it can be done.")
_FAILED = Page("That did not work", "Nothing was changed. Please try again in a minute.")


def _answer(
    links: SignedLinks | None, action: str, token: str, page: Callable[[MuteLink | FalseAlarmLink], Page]
) -> HTMLResponse:
    if links is None:
        return _page(404, _REFUSED)
    try:
        allowed = links.read(action, token)
    except LinkRefusedError as error:
        return _page(410, _EXPIRED) if error.expired else _page(403, _REFUSED)
    try:
        return _page(200, page(allowed))
    except Exception as error:  # whatever is wrong with the bucket, people get a page, and no details
        log.error("a link could not be followed: %s", type(error).__name__)
        return _page(503, _FAILED)


def _question(allowed: MuteLink | FalseAlarmLink) -> Page:
    if isinstance(allowed, MuteLink):
        return Page(
            f"Mute {allowed.camera.name}?",
            f"Nobody gets alerts of this camera for {_hours(allowed.hours)}. They are kept for the digest.",
            button=f"Mute for {_hours(allowed.hours)}",
        )
    return Page(
        "Was it no threat?",
        f"Notes that event {allowed.event.id} of {allowed.camera.name} was a false alarm. No rule changes by it.",
        button="It was no threat",
    )


def _done(allowed: MuteLink | FalseAlarmLink, store: ObjectStore, now: datetime) -> Page:
    user, device = allowed.camera.user, allowed.camera.device
    if isinstance(allowed, MuteLink):
        until = now + timedelta(hours=allowed.hours)
        Mutes(store).put(mute(allowed.camera, until, _BY, now))
        log.info("muted by a link: camera %s until %s", allowed.camera.name, until.isoformat(timespec="minutes"))
        return Page(f"{allowed.camera.name} is muted", f"For {_hours(allowed.hours)}, until {until:%-d %B, %H:%M} UTC.")
    verdict = ReviewVerdict.FALSE_ALARM
    Reviews(store).put(Review(event=allowed.event, user=user, device=device, verdict=verdict, by=_BY, at=now))
    log.info("false alarm by a link: event %s, camera %s", allowed.event.id, allowed.camera.name)
    return Page("Thank you", f"Noted: event {allowed.event.id} of {allowed.camera.name} was no threat.")


def _hours(hours: int) -> str:
    return "an hour" if hours == 1 else f"{hours} hours"


def _page(status: int, page: Page) -> HTMLResponse:
    return HTMLResponse(render(page), status_code=status, headers=HEADERS)
