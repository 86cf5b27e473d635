"""The content of the images of a release, as the place they come from tells it: the image store, or a registry."""

import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from nightjar.domain.release import Images, image_tag
from nightjar.domain.stages import STAGE_IMAGES
from operators.local import RECORD, image_folder, is_built
from operators.settings import DeploymentSettings

log = logging.getLogger(__name__)

UNPINNED = "collect"  # runs before there is a release
_AT_ONCE = 6


def image_references(images: Images) -> dict[str, str]:
    """`<registry>/<image>:<tag>` of every image of the Variable, by image."""
    return {image: f"{images.registry}/{image}:{images.tag(image)}" for image in STAGE_IMAGES}


def place_of(registry: str, settings: DeploymentSettings) -> str:
    """Where the images come from, as their digests are recorded: those of an image store are of another kind."""
    return f"{registry} (image store)" if settings.runtime == "local" else registry


def digests_now(references: Mapping[str, str], settings: DeploymentSettings) -> dict[str, str]:
    """The digest (`sha256:…`) of each of these images as it is now; those that nobody tells are left out.

    Raises UsageError for an image that is not there, as far as that can be told, and for a wrong docker config file.
    """
    if settings.runtime == "local":
        store = settings.image_store
        return dict(_built(references, store)) if store else {}
    if settings.image_digests == "off" or settings.image_pull_policy == "Never":
        return {}
    return dict(_asked(references, settings))


def local_digest(store: Path, image: str) -> str:
    """The content digest of an image in the local store; raises UsageError when it is not built."""
    return f"sha256:{json.loads((image_folder(store, image) / RECORD).read_text())['digest']}"


def tags(references: Mapping[str, str]) -> dict[str, str]:
    """The tag of each image."""
    return {image: image_tag(reference) for image, reference in references.items()}


def _built(references: Mapping[str, str], store: Path) -> Iterable[tuple[str, str]]:
    for image, reference in references.items():
        if image != UNPINNED or is_built(store, reference):  # a run that is under way needs no collect
            yield image, local_digest(store, reference)


def _asked(references: Mapping[str, str], settings: DeploymentSettings) -> Iterable[tuple[str, str]]:
    from nightjar.runtime.parallel import in_parallel
    from nightjar.runtime.registry import DigestUnknownError, Registries, logins  # httpx, which other tasks do not need

    with Registries(logins(settings.registry_config), settings.registry_seconds) as registries:

        def ask(image: str) -> tuple[str, str | None, str]:
            try:
                return image, registries.digest(references[image]), ""
            except DigestUnknownError as error:
                return image, None, str(error)

        answers = list(in_parallel(ask, sorted(references), _AT_ONCE))
    unknown = sorted({why for _, digest, why in answers if digest is None})
    if unknown:
        log.warning(
            "the registry did not tell the digests of all images, and the recorded ones count: %s. "
            "NIGHTJAR_IMAGE_DIGESTS=off does not ask",
            "; ".join(unknown),
        )
    return [(image, digest) for image, digest, _ in answers if digest is not None]
