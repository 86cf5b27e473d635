"""Which detector a person means: the one that is deployed, or one that is named by its tag or its id."""

from typing import TYPE_CHECKING

from nightjar.errors import InputError, UsageError

if TYPE_CHECKING:
    from nightjar.domain.detectors import PublishedDetector
    from nightjar.runtime.store import ObjectStore


def deployed_detector(store: "ObjectStore") -> "PublishedDetector | None":
    """The detector of the newest release; None before its detect stage has run for the first time."""
    from nightjar.stores.detectors import Detectors
    from nightjar.stores.runs import Runs

    deployed = Runs(store).deployed()
    detect = deployed.stages.get("detect") if deployed else None
    return Detectors(store).find(detect.identity) if detect else None


def detector_folder(store: "ObjectStore", name: str | None) -> str:
    """The folder in `detections/` of the detector called `name` (a tag or an id), or else of the deployed one.

    Detections of release 0.1 are in folders that are named by tag. Raises UsageError for a tag that several detectors
    had, InputError when no detector is deployed.
    """
    from nightjar.stores.detections import Detections
    from nightjar.stores.detectors import Detectors

    if name is None:
        if detector := deployed_detector(store):
            return detector.id
        folders = Detections(store).makers()
        if len(folders) == 1:
            return folders[0]
        raise InputError(f"expected a deployed detector, or detections of a single one, got {folders}: give --detector")
    folders = [detector.id for detector in Detectors(store).tagged(name)]
    if name in Detections(store).makers():
        folders.append(name)
    if len(folders) > 1:
        raise UsageError(f"expected one detector called {name}, got {len(folders)}: name one of {', '.join(folders)}")
    return folders[0] if folders else name
