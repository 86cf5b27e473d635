"""The model cards that detectors publish beside their detections, as far as others need them: the labels."""

import json

from nightjar.domain.layout import last_segment, model_card_key
from nightjar.errors import InputError
from nightjar.runtime.store import ObjectInfo, ObjectMissingError, ObjectStore


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


def labels_of(store: ObjectStore, detector: str) -> frozenset[str] | None:
    """The labels that the detector with tag `detector` can see; None when it published no model card."""
    key = model_card_key(detector)
    try:
        return labels_in(store.get(key)[0], key)
    except ObjectMissingError:
        return None


def newest_card(store: ObjectStore) -> tuple[str, bytes] | None:
    """Key and content of the model card that was published last; None when there is none."""
    tags = (last_segment(folder) for folder in store.list_folders("detections/"))
    cards: list[ObjectInfo] = [card for card in (store.head(model_card_key(tag)) for tag in tags) if card]
    if not cards:
        return None
    newest = max(cards, key=lambda card: (card.modified_at, card.key))
    return newest.key, store.get(newest.key, newest.version_id)[0]
