"""The words of `make up`."""

from pathlib import Path
from typing import cast

from nightjar_local.airflow import PAGES
from nightjar_local.deployment import Deployment
from nightjar_local.settings import for_once
from nightjar_local.up import welcome
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
