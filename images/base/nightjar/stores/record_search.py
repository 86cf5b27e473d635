"""Whether the warehouse has rows of a user, in any version of any part: asked by SQL, where there is no Arrow."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from nightjar.errors import InputError
from nightjar.runtime.parallel import in_parallel
from nightjar.runtime.store import ObjectMissingError, ObjectStore, VersionInfo
from nightjar.stores.erasure import was_dropped_by
from nightjar.stores.record_keys import table_prefix
from nightjar.stores.tables import PICTURES, TABLES

_AT_ONCE = 8


def has_rows(store: ObjectStore, user: str, device: str | None = None) -> bool:
    """Whether any part, in any version, has a row of the user (or of one camera). Reads parts until one has.

    Raises InputError for a part that cannot be read.
    """
    with tempfile.TemporaryDirectory(prefix="nightjar-") as folder:
        looked_at = in_parallel(
            lambda part: _has(store, part[1], Path(folder) / f"{part[0]}.parquet", user, device),
            enumerate(_parts(store)),
            _AT_ONCE,
        )
        return any(looked_at)


def _parts(store: ObjectStore) -> Iterator[VersionInfo]:
    for table in TABLES:
        for version in store.list_versions(table_prefix(table.name)):
            if not version.is_delete_marker and version.key.endswith(".parquet"):
                yield version


def _has(store: ObjectStore, version: VersionInfo, file: Path, user: str, device: str | None) -> bool:
    try:
        store.download(version.key, file, version.version_id)
    except ObjectMissingError:
        return False
    try:
        with duckdb.connect(":memory:", config={"threads": 1}) as connection:
            owned = connection.execute(
                'SELECT count(*) FROM read_parquet(?) WHERE "user" = ? AND (? IS NULL OR device = ?)',
                [str(file), user, device, device],
            ).fetchone()
            if owned and owned[0]:
                return True
            if not version.key.startswith(table_prefix(PICTURES.name)):
                return False
            landed = connection.execute(
                'SELECT DISTINCT source_key FROM read_parquet(?) WHERE "user" IS NULL AND source_key IS NOT NULL',
                [str(file)],
            ).fetchall()
            return any(was_dropped_by(str(key), user, device) for (key,) in landed)
    except duckdb.Error as error:
        raise InputError(f"expected {version.key!r} to be a part of the records: {error}") from None
    finally:
        file.unlink(missing_ok=True)
