"""Puts the sample footage into the deployment that is up: `make up DEMO=yes`, or `nightjar demo`.

A second time changes nothing.
"""

import json
from datetime import UTC, datetime
from pathlib import Path

from nightjar.stores.rules import RULES_KEY
from nightjar_local import samples
from nightjar_local.daemon import Daemon
from nightjar_local.demo import put_footage
from nightjar_local.layout import DEPLOYMENT
from nightjar_local.processes import LocalError
from nightjar_local.s3_server import access_of
from nightjar_local.seaweedfs import S3Access
from nightjar_local.settings import write_private
from nightjar_local.up import RULES, put_rules

NOTE = "samples.json"  # in the deployment's folder: into which bucket the footage went, and from when it is


def drop_into_deployment(directory: Path = DEPLOYMENT) -> str:
    """Put the sample footage into the deployment in `directory`, and say what was done.

    Raises LocalError if none is up.
    """
    daemon = Daemon(directory)
    if daemon.supervisor.process() is None:
        raise LocalError("expected a deployment that is up: `make up` starts it")
    return drop(directory / NOTE, access_of(daemon.settings()), datetime.now(UTC))


def drop(note: Path, access: S3Access, now: datetime) -> str:
    """Put the sample footage, of the hour before `now`, into the bucket, unless `note` says that it is there.

    One that was stopped in the middle is done again with the same names, which collect takes for duplicates.
    """
    place = {"endpoint": access.endpoint, "bucket": access.bucket}
    known = json.loads(note.read_text()) if note.exists() else {}
    is_same = {key: known.get(key) for key in place} == place
    if is_same and known["whole"]:
        return f"The sample footage is there already, put at {known['at']}."
    at = str(known["at"]) if is_same else now.isoformat(timespec="seconds")
    write_private(note, json.dumps({**place, "at": at, "whole": False}) + "\n")
    put_rules(access)
    footage = samples.footage(datetime.fromisoformat(at))
    put_footage(access, footage)
    write_private(note, json.dumps({**place, "at": at, "whole": True}) + "\n")
    done = f"{len(footage)} pieces of sample footage are on their way: see the runs of nightjar_live."
    return f"{done}{_about_rules(access)}"


def _about_rules(access: S3Access) -> str:
    rules = access.client().get_object(Bucket=access.bucket, Key=RULES_KEY)["Body"].read()
    if rules == RULES.read_bytes():
        return ""
    return f"\n{RULES_KEY} is not that of the sample: cameras that it does not know are refused as unknown-camera."
