"""Waits until `nightjar setup` has made the deployment ready: it sets the Variable `nightjar_images` last.

A scheduler that begins before would run DAGs without images, pools and a bucket, and people would be told of runs that
failed for nothing. Reads Airflow's database itself, since a look through Airflow takes ten seconds of computing.
"""

import os
import sys
import time

import psycopg2

QUERY = "SELECT 1 FROM variable WHERE key = 'nightjar_images'"
CONNECTION = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
EVERY = 2.0
SAY_EVERY = 30  # looks


def address(sqlalchemy: str) -> str:
    """The address as PostgreSQL's library takes it: SQLAlchemy's may name a driver (`postgresql+psycopg2://`)."""
    scheme, _, rest = sqlalchemy.partition("://")
    return f"{scheme.partition('+')[0]}://{rest}"


def is_ready() -> bool:
    """Whether the Variable is set; an error of the database counts as not yet, and is printed."""
    try:
        connection = psycopg2.connect(address(os.environ[CONNECTION]), connect_timeout=5)
        with connection, connection.cursor() as cursor:
            cursor.execute(QUERY)
            return cursor.fetchone() is not None
    except psycopg2.Error as error:
        print(f"cannot tell: {error}", flush=True)  # noqa: T201 - the container's log
        return False


def main() -> int:
    """Wait for as long as it takes; kubectl shows that the pod waits here, and the log for what."""
    looks = 0
    while not is_ready():
        if looks % SAY_EVERY == 0:
            print("waiting for the set-up to set the Variable nightjar_images: see the log of setup", flush=True)  # noqa: T201
        looks += 1
        time.sleep(EVERY)
    return 0


if __name__ == "__main__":
    sys.exit(main())
