"""Settings of the report stage."""

from typing import Annotated

from pydantic import Field

from nightjar.runtime.settings import Settings


class ReportSettings(Settings):
    """Settings of the page of a day."""

    report_thumbnails: Annotated[
        int,
        Field(ge=0, le=500, description="alerts of a day shown with their picture; 0 keeps pictures out"),
    ] = 24
