"""The reports: `reports/YYYY/MM/DD/report.html` and, beside it, its plots; by UTC day."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date

from nightjar.domain.layout import day_path, last_segment
from nightjar.domain.manifest import ObjectRef
from nightjar.errors import InputError
from nightjar.runtime.manifests import write_bytes
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectMissingError, ObjectStore, VersionInfo

REPORTS = "reports/"
MOST_BYTES = 32 << 20  # a page with 50 thumbnails has some hundred kilobytes
_PAGE = "report.html"
_READERS = 8  # pages in memory


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

    def read(self, day: date) -> bytes | None:
        """The page of a day; None when there is none. Raises InputError for one of more than `MOST_BYTES`."""
        key = self.page_key(day)
        info = self._store.head(key)
        if info is None:
            return None
        if info.size > MOST_BYTES:
            raise InputError(f"expected a report of at most {MOST_BYTES >> 20} MiB at {key!r}, got {info.size:,} bytes")
        with suppress(ObjectMissingError):
            return self._store.get(key)[0]
        return None

    def days(self) -> Iterator[date]:
        """The days with a folder of a report, the newest first; a folder that is no day's is passed over."""
        for year in _numbered(self._store, REPORTS):
            for month in _numbered(self._store, year):
                for day in _numbered(self._store, month):
                    with suppress(ValueError):
                        yield date(*(int(part) for part in day.removeprefix(REPORTS).split("/")[:3]))

    def erase(self, days: Iterable[date]) -> int:
        """Remove every version of the reports of `days`, which show whose cameras saw what; how many versions."""
        versions = [version for day in days for version in self._store.list_versions(_folder(day))]
        for version in versions:
            self._store.delete(version.key, version.version_id)
        return len(versions)

    def naming(self, user: str, device: str | None = None) -> list[date]:
        """The days of which any version of the page has the name of the user (or of the camera) in it, as a word.

        Every page is read. A word that only looks like the name costs a page that is made again, and is the same.
        """
        name = user if device is None else f"{user}-{device}"
        word = re.compile(rf"(?<![A-Za-z0-9_-]){re.escape(name)}(?![A-Za-z0-9_])".encode())
        versions = [each for each in self._store.list_versions(REPORTS) if each.key.endswith(f"/{_PAGE}")]

        def has_name(version: VersionInfo) -> bool:
            if version.is_delete_marker:
                return False
            try:
                data, _ = self._store.get(version.key, version.version_id)
            except ObjectMissingError:
                return False
            return word.search(data) is not None

        named = zip(versions, in_parallel(has_name, versions, _READERS), strict=True)
        return sorted({_day_of(version.key) for version, is_named in named if is_named})


def _day_of(key: str) -> date:
    """The day of a page; raises ValueError for a page in no day's folder."""
    year, month, day = key.removeprefix(REPORTS).split("/")[:3]
    return date(int(year), int(month), int(day))


def _numbered(store: ObjectStore, prefix: str) -> list[str]:
    """The folders below `prefix` whose names are numbers, the last first."""
    folders = store.list_folders(prefix)
    return [each for each in reversed(folders) if (name := last_segment(each)).isascii() and name.isdigit()]


def _folder(day: date) -> str:
    return f"{REPORTS}{day_path(day)}/"
