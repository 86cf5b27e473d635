"""The reports: `reports/YYYY/MM/DD/report.html` and, beside it, its plots; by UTC day."""

from collections.abc import Iterable, Mapping
from datetime import date

from nightjar.domain.layout import day_path
from nightjar.domain.manifest import ObjectRef
from nightjar.runtime.manifests import write_bytes
from nightjar.runtime.store import ObjectStore

REPORTS = "reports/"
_PAGE = "report.html"


class Reports:
    """Publishes reports. Safe to use from threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def page_key(self, day: date) -> str:
        """Where the page of a day is."""
        return f"{_folder(day)}{_PAGE}"

    def publish(self, day: date, page: bytes, plots: Mapping[str, bytes]) -> list[ObjectRef]:
        """Write the page (HTML in UTF-8) and its plots (PNG by file name); the page comes first in what is returned.

        The same report a second time makes no new version.
        """
        written = [write_bytes(self._store, self.page_key(day), page, content_type="text/html; charset=utf-8")]
        for name, png in plots.items():
            written.append(write_bytes(self._store, f"{_folder(day)}{name}", png, content_type="image/png"))
        return written

    def erase(self, days: Iterable[date]) -> int:
        """Remove every version of the reports of `days`, which show whose cameras saw what; how many versions."""
        versions = [version for day in days for version in self._store.list_versions(_folder(day))]
        for version in versions:
            self._store.delete(version.key, version.version_id)
        return len(versions)


def _folder(day: date) -> str:
    return f"{REPORTS}{day_path(day)}/"
