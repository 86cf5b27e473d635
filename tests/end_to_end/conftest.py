"""A deployment that several files share, whose start takes 20 CPU seconds, and images to build on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.end_to_end.local_runtime import Local


@pytest.fixture(scope="package")
def small_stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """A deployment of small stages, for the files that tests/conftest.py gives to one worker (GROUP_OF)."""
    from tests.end_to_end.local_runtime import running_small  # half a second, which `make quick` can do without

    with running_small(tmp_path_factory.mktemp("small")) as local:
        yield local


@pytest.fixture(scope="package")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The environment of a buildah that has the base images and a model; everything it makes is thrown away."""
    from nightjar_local.images import detection_model
    from nightjar_local.layout import CACHE
    from tests.end_to_end import debian

    debian.require_builder()
    environment = debian.storage(tmp_path_factory.mktemp("buildah"))
    debian.make_base_image(CACHE / "debian-bookworm", environment)
    debian.make_runtime_images(CACHE / "debian-bookworm", environment)
    # That of the local images, made by the same program from the same lock: to build it takes minutes.
    container = debian.run(["buildah", "from", "scratch"], environment)
    debian.run(["buildah", "add", "-q", container, str(detection_model()), "/model"], environment)
    debian.run(["buildah", "commit", "-q", "--rm", container, debian.MODEL_IMAGE], environment)
    yield environment
    debian.release_storage(environment)
