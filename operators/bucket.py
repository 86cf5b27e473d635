"""The bucket, as the Airflow side reads it: made when a task runs, never when a DAG is parsed."""

from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings, load


def bucket() -> S3Store:
    """The bucket that the environment names; raises UsageError when it names none."""
    return S3Store(load(StoreSettings))
