"""The picture of an event, with its boxes, in the size of a message."""

import hashlib
import logging

from nightjar.domain.events import ThreatPicture
from nightjar.runtime.annotate import annotate
from nightjar.runtime.store import ObjectMissingError, ObjectStore

log = logging.getLogger(__name__)

LONGEST = 640  # pixels


def picture_of(store: ObjectStore, threat: ThreatPicture) -> bytes | None:
    """The standard picture with a box around everything that the rule calls unsafe, as JPEG; None when it is gone.

    A picture that was standardised anew is another one, in which the boxes would be wrong.
    """
    try:
        data, _ = store.get(threat.picture.standard_key)
    except ObjectMissingError:
        log.warning("the picture %s is no longer there", threat.picture.standard_key)
        return None
    if hashlib.sha256(data).hexdigest() != threat.picture.standard_sha256:
        log.warning("the picture %s is no longer the one that was looked at", threat.picture.standard_key)
        return None
    return annotate(data, threat.objects, LONGEST)
