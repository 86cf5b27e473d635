"""A detector as a release deploys it, and what a model card says."""

import json
from collections.abc import Iterable

from nightjar.domain.detections import DetectorRef
from nightjar.domain.layout import digest
from nightjar.domain.model import Stored
from nightjar.errors import InputError


def detector_id(model_sha256: str, settings: str) -> str:
    """16 hex digits that two detectors share if and only if they see the same in every picture.

    `settings` are all that decides the result besides the model, as text.
    """
    return digest(f"{model_sha256}\n{settings}")


class PublishedDetector(Stored):
    """`detectors/<identity>.json`. `id` names its folder in `detections/`; `labels` are all that it can see."""

    id: str
    tag: str
    model: str
    sha256: str
    settings: str
    labels: tuple[str, ...]

    @classmethod
    def of(cls, detector: DetectorRef, labels: Iterable[str]) -> "PublishedDetector":
        """`detector`, which can see `labels`."""
        return cls(
            id=detector_id(detector.sha256, detector.settings),
            tag=detector.tag,
            model=detector.model,
            sha256=detector.sha256,
            settings=detector.settings,
            labels=tuple(sorted(set(labels))),
        )


def labels_in(card: bytes, source: str) -> frozenset[str]:
    """The labels that the detector of a model card can see; raises InputError when the card does not say.

    `labels` is a list of names, or maps an id to a name.
    """
    try:
        value = json.loads(card)
        labels = value["labels"].values() if isinstance(value["labels"], dict) else value["labels"]
        names = frozenset(labels)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"expected a model card with labels at {source!r}: {type(error).__name__}: {error}") from None
    if not names or not all(isinstance(name, str) for name in names):
        raise InputError(f"expected a model card with the names of labels at {source!r}, got {sorted(map(str, names))}")
    return names
