"""Probe of a container: whether this pod's job (`DagProcessorJob`, `TriggererJob`) has given a sign of life in time.

    heartbeat.py JOB_TYPE SECONDS

Ends with 1 if it has not. Without the database nobody can tell, and a new start would not help: then it ends with 0.
It reads the row that `airflow jobs check` reads, without importing Airflow, which takes ten seconds of computing.
"""

import os
import socket
import sys

import psycopg2

QUERY = """
SELECT extract(epoch FROM now() - max(latest_heartbeat)) FROM job
WHERE job_type = %s AND hostname = %s AND state = 'running'
"""
CONNECTION = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def address(sqlalchemy: str) -> str:
    """The address as PostgreSQL's library takes it: SQLAlchemy's may name a driver (`postgresql+psycopg2://`)."""
    scheme, _, rest = sqlalchemy.partition("://")
    return f"{scheme.partition('+')[0]}://{rest}"


def main(arguments: list[str]) -> int:
    """Say how old the newest sign of life is, and whether that is well."""
    job_type, seconds = arguments[0], float(arguments[1])
    # As airflow.utils.net.get_host_ip_address names this pod, which the chart sets.
    hostname = socket.gethostbyname(socket.gethostname())
    try:
        connection = psycopg2.connect(address(os.environ[CONNECTION]), connect_timeout=5)
    except psycopg2.OperationalError as error:
        print(f"cannot tell: {error}")  # noqa: T201 - kubelet reads it
        return 0
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(QUERY, (job_type, hostname))
            [age] = cursor.fetchone() or [None]
    except psycopg2.ProgrammingError as error:
        print(f"expected a migrated database: {error}")  # noqa: T201
        return 1
    if age is None:
        print(f"expected a running {job_type} of {hostname} in Airflow's database, got none")  # noqa: T201
        return 1
    print(f"the newest sign of life of {job_type} on {hostname} is {age:.0f} s old")  # noqa: T201
    return 0 if age <= seconds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
