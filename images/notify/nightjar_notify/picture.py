"""The picture of an event, with its boxes, in the size of a message."""

import logging

from nightjar.domain.events import ThreatPicture
from nightjar.runtime.annotate import annotate
from nightjar.stores.standard import PictureError, StandardPictures

log = logging.getLogger(__name__)

LONGEST = 640  # pixels


def picture_of(pictures: StandardPictures, threat: ThreatPicture) -> bytes | None:
    """The standard picture with a box around everything that the rule calls unsafe, as JPEG.

    None when the picture is gone, and when it was standardised anew: then the boxes would be in the wrong places.
    """
    try:
        return annotate(pictures.read(threat.picture), threat.objects, LONGEST)
    except PictureError as error:
        log.warning("an alert goes out without its picture: %s", error)
        return None
