"""The words of `make up`."""

from pathlib import Path
from typing import cast

import pytest

from nightjar_local import images
from nightjar_local.airflow import PAGES
from nightjar_local.deployment import Deployment
from nightjar_local.settings import for_once
from nightjar_local.up import same_sources, welcome
from plugins.nightjar_ui import NightjarPages


def test_the_first_address_is_that_of_the_pages(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, for_once())
    text = welcome(deployment)
    first = next(line for line in text.splitlines() if "http" in line)
    assert first.split() == ["Pages", f"{deployment.url}{PAGES}"]
    for secret in (deployment.settings.password, deployment.settings.viewer_password):
        assert secret in text
    assert deployment.settings.secret_access_key not in text


def test_the_address_is_one_of_airflows() -> None:
    views = cast("list[dict[str, str]]", NightjarPages.external_views)
    [route] = [view["url_route"] for view in views if view["destination"] == "nav"]
    assert f"/plugin/{route}" == PAGES


@pytest.mark.parametrize(
    ("deployed", "expected"),
    [
        ({"detect": "o2"}, {"detect": "o2"}),  # another detector than the default one, of these sources
        ({"detect": "o1"}, {}),  # the same, of older sources
        ({"detect": "1.0.0"}, {}),  # not known
        ({}, {}),
    ],
)
def test_another_detector_of_the_same_sources_is_no_older_image(
    deployed: dict[str, object], expected: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    detectors = {"o1": "oid", "o2": "oid"}
    monkeypatch.setattr(images, "detector_of", detectors.get)
    monkeypatch.setattr(images, "tags_of", lambda _image, detector: ["o2"] if detector == "oid" else ["n1"])
    assert same_sources(deployed) == expected
