"""Which detector a person means: the one that is deployed, or one that is named by its tag or its id."""

import logging
from typing import TYPE_CHECKING

from nightjar.errors import InputError, UsageError

if TYPE_CHECKING:
    from nightjar.domain.detectors import PublishedDetector
    from nightjar.runtime.store import ObjectStore

log = logging.getLogger(__name__)


def deployed_detector(store: "ObjectStore") -> "PublishedDetector | None":
    """The detector of the newest release; None before its detect stage has run for the first time.

    None, too, and a warning, where the note of what is deployed, or of the detector, is damaged.
    """
    from nightjar.stores.detectors import Detectors
    from nightjar.stores.runs import Runs

    try:
        deployed = Runs(store).deployed()
    except InputError as error:
        log.warning("%s; the next run writes it anew", error)
        return None
    detect = deployed.stages.get("detect") if deployed else None
    try:
        return Detectors(store).find(detect.identity) if detect else None
    except InputError as error:
        log.warning("%s", error)
        return None


def detector_folder(store: "ObjectStore", name: str | None, option: str = "--detector") -> str:
    """The folder in `detections/` of the detector called `name` (a tag or an id), or else of the deployed one.

    Detections of release 0.1 are in folders that are named by tag. Raises UsageError for a tag that several detectors
    had and for a name that none has, which `option` gave, InputError when no detector is deployed.
    """
    from nightjar.domain.near import near_names
    from nightjar.stores.detections import Detections
    from nightjar.stores.detectors import Detectors

    if name is None:
        if detector := deployed_detector(store):
            return detector.id
        folders = Detections(store).makers()
        if len(folders) == 1:
            return folders[0]
        raise InputError(f"expected a deployed detector, or detections of a single one, got {folders}: give --detector")
    published, makers = Detectors(store).published(), Detections(store).makers()
    ids = sorted({detector.id for detector in published})
    if name in ids:
        return name
    folders = sorted({detector.id for detector in published if detector.tag == name})
    folders += [name] if name in makers else []
    if len(folders) > 1:
        raise UsageError(f"expected one detector called {name}, got {len(folders)}: name one of {', '.join(folders)}")
    if not folders:
        known = {each: (each,) for each in (*(detector.tag for detector in published), *ids, *makers)}
        near = near_names(name, known) or list(known)
        hint = f"did you mean {' or '.join(near[:3])}?" if near else "no detector has looked at anything yet"
        raise UsageError(f"{option}: expected the id or the tag of a detector, got {name!r}: {hint}")
    return folders[0]
