"""Where the warehouse is: `records/`. A module of its own, because who starts the stages reads no Parquet."""

from collections.abc import Iterable
from datetime import date

from nightjar.runtime.store import ObjectInfo

RECORDS = "records/"
NEWS = f"{RECORDS}news/"
WHOLE_DAY = "day.parquet"


def table_prefix(table: str) -> str:
    """Where a table is."""
    return f"{RECORDS}{table}/"


def partition_prefix(table: str, day: date) -> str:
    """`records/<table>/date=YYYY-MM-DD/`: the Hive partition that Athena, DuckDB and Spark read."""
    return f"{table_prefix(table)}date={day.isoformat()}/"


def part_key(table: str, day: date, run: str) -> str:
    """The part of `run`, a folder below `runs/`."""
    return f"{partition_prefix(table, day)}{run.rpartition('/')[2]}.parquet"


def table_of(key: str) -> str:
    """The table of a part."""
    return key.split("/")[1]


def day_of_part(key: str) -> date:
    """The day of a part."""
    return date.fromisoformat(key.split("/")[2].removeprefix("date="))


def oldest_first(listed: Iterable[ObjectInfo]) -> list[ObjectInfo]:
    """The parts among listed objects, by day and then by age: the whole day is the oldest, since later parts stay."""
    parts = (info for info in listed if info.key.endswith(".parquet"))
    return sorted(parts, key=lambda info: (day_of_part(info.key), not is_whole_day(info), info.modified_at, info.key))


def is_whole_day(info: ObjectInfo) -> bool:
    """Whether it is the part that history, or a merge, made of all parts of the day."""
    return info.key.endswith(f"/{WHOLE_DAY}")


def news_key(day: date, run: str) -> str:
    """`records/news/YYYY-MM-DD/<dag>-<run>.json`: `run` has recorded something for `day`."""
    return f"{NEWS}{day.isoformat()}/{run.strip('/').replace('/', '-')}.json"


def day_of_news(key: str) -> date:
    """The day of news; raises ValueError for an object in a folder that is not a day."""
    return date.fromisoformat(key.removeprefix(NEWS).partition("/")[0])
