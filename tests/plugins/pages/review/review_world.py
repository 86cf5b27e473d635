"""The review page over a bucket in memory, asked as a browser does."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from pydantic import SecretStr

from nightjar.domain.events import Event
from nightjar.runtime.links import SignedLinks, utc_now
from nightjar.runtime.store import ObjectStore
from tests.images.base.nightjar.queries.event_world import NOW, a_warehouse
from tests.plugins.web_world import OPERATOR, PagesClient, Somebody, make_client

REVIEW = "/nightjar-ui/review/"
HTMX = {"HX-Request": "true"}


@contextmanager
def asking(store: ObjectStore, person: Somebody = OPERATOR, now: datetime = NOW) -> Iterator[PagesClient]:
    with a_warehouse(store) as warehouse:
        yield make_client(store, warehouse=warehouse, person=person, clock=lambda: now)


def address_of(event: Event) -> str:
    """As messages name the page."""
    return SignedLinks("", SecretStr(""), 1, utc_now).event_page(event.camera, event.ref)
