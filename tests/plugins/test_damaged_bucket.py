"""Every page over a bucket in which objects of one kind are damaged, or which stops to answer: told, no failure."""

from collections.abc import Iterator

import pytest

from nightjar.errors import TryAgainError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectInfo
from plugins.web.limits import Limits
from tests.golden.test_golden import bucket
from tests.plugins.filled_pages import RELEASE, filled_pages
from tests.plugins.web_world import PagesClient

pytestmark = pytest.mark.slow  # some hundred pages

EVENT = "review/event/alice-yard/2026-11-26/9f8c6f9f6eb383f7"
RUN = "dag_id=nightjar_live&run_id=20261126T024601Z-a6736f636d35"
PAGES = (
    *("overview/", "overview/now", "review/", "review/?review=none", EVENT, f"{EVENT}/why", f"{EVENT}/false-box"),
    *("cameras/", "cameras/?state=muted", "cameras/alice-yard", "quarantine/", "quarantine/retry"),
    *("quarantine/grey/2026/11/26/61ca38e3e8e9d1c221ac8d10840d33b9", "rules/", "rules/try", "reports/"),
    *(f"lineage/?of=events/2026/11/26/alice-yard/9f8c6f9f6eb383f7.json{up}" for up in ("", "&up=1")),
    *("lineage/?of=2026-11-26", "lineage/?of=nightjar_live/20261126T024601Z-a6736f636d35&up=1&most=3"),
    *(f"runs/run?{RUN}", f"runs/task?{RUN}&task_id=shard.detect&camera=alice-yard"),
)
# What is still shown, whatever else is damaged, since each of these pages is about more than one object.
WHOLE = frozenset({"overview/", "overview/now", "review/", "cameras/", "quarantine/", "rules/", f"runs/run?{RUN}"})
KINDS = sorted({key.partition("/")[0] for key in (info.key for info in bucket(RELEASE).list_objects(""))})
ARCHIVED = b"archived"
DAMAGE = {"another kind": b"[1]\n", "archived": ARCHIVED}


class Failing(MemoryStore):
    """A bucket that answers `left` more requests, and none after them."""

    left = 1_000_000

    def _one(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TryAgainError("S3 answers 503")

    def head(self, key: str, version_id: str | None = None) -> ObjectInfo | None:
        self._one()
        return super().head(key, version_id)

    def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
        self._one()
        return super().get(key, version_id)

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        self._one()
        return super().list_objects(prefix)

    def list_folders(self, prefix: str) -> list[str]:
        self._one()
        return super().list_folders(prefix)


@pytest.fixture(scope="module")
def store() -> Failing:
    """One for all tests, each of which leaves it as it was: making an app of all pages takes longer than a test."""
    store, golden = Failing(), bucket(RELEASE)
    for info in golden.list_objects(""):
        store.put(info.key, golden.get(info.key)[0])
    return store


@pytest.fixture(scope="module")
def client(store: Failing, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PagesClient]:
    with filled_pages(tmp_path_factory.mktemp("parts"), store=store) as client:
        yield client


@pytest.fixture(autouse=True)
def unlimited(client: PagesClient) -> None:
    """No test asks too often for what another asked."""
    client.app.state.limits = Limits()


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_objects_leave_the_rest_there(kind: str, damage: bytes, store: Failing, client: PagesClient) -> None:
    before = {info.key: store.get(info.key)[0] for info in store.list_objects(f"{kind}/")}
    for key in before:
        if damage is ARCHIVED:
            store.make_unreadable(key)
        else:
            store.put(key, damage)
    try:
        for page in PAGES:
            answer = client.get(f"/nightjar-ui/{page}")
            assert answer.status_code in ({200} if page in WHOLE else {200, 404, 503}), (page, answer.text)
            assert answer.status_code == 200 or 'class="notice' in answer.text, page
    finally:
        for key, data in before.items():
            store.make_unreadable(key, None)
            store.put(key, data)


@pytest.mark.parametrize("left", [0, 2, 8])
def test_a_bucket_that_stops_to_answer_is_told(left: int, store: Failing, client: PagesClient) -> None:
    for page in PAGES:
        store.left = left
        answer = client.get(f"/nightjar-ui/{page}")
        store.left = Failing.left
        assert answer.status_code in {200, 404, 503}, (page, answer.text)
        assert answer.status_code == 200 or 'class="notice' in answer.text, page
