"""Rows that somebody asked to be erased: the report does it before it makes pages, and these tell nothing of them."""

from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import run
from nightjar.stores.erasures import Erasure, Erasures
from nightjar.stores.record_search import has_rows
from nightjar.stores.records import Records
from nightjar.stores.tables import PICTURES
from nightjar_record.stage import work as record
from tests.bucket import PORCH, SHOP
from tests.images.base.nightjar.stores.planted import texts_of
from tests.images.record.test_live import an_eventful_run
from tests.images.record.world import DAY
from tests.images.report.test_stage import PAGE, report


def test_rows_go_and_the_page_of_the_day_is_made_anew_from_the_others() -> None:
    store = MemoryStore()
    run(record, an_eventful_run(store))
    report(store)
    users = Records(store).read(PICTURES, DAY).content.counts("user")
    assert users[PORCH.user] and users[SHOP.user]
    Erasures(store).ask(Erasure(user=PORCH.user))
    assert report(store) == [PAGE], "the day has news by the erasure alone"
    assert Records(store).read(PICTURES, DAY).content.counts("user") == {
        user: number for user, number in users.items() if user != PORCH.user
    }
    assert not has_rows(store, PORCH.user)
    assert Erasures(store).waiting() == []
    told = [
        version.key
        for top in ("records/", "reports/")
        for version in list(store.list_versions(top))
        if not version.is_delete_marker
        for text in texts_of(version.key, store.get(version.key, version.version_id)[0])
        if PORCH.user in text
    ]
    assert told == []
    assert report(store) == []
