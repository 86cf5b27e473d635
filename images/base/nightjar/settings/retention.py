"""How long the bucket of a laptop keeps what: `make up` installs it. On a cluster, the chart's `setup.bucket` does."""

from typing import Annotated

from pydantic import Field

from nightjar.domain.retention import Days, Keep
from nightjar.runtime.settings import Settings

_OTHERWISE = "days until they are deleted; 0 keeps them for good"


class RetentionSettings(Settings):
    """Days by kind of object; see `nightjar.domain.retention.Keep` for what each is, and what depends on it."""

    keep_footage_days: Annotated[Days, Field(description=f"originals: {_OTHERWISE}")] = 0
    keep_pictures_days: Annotated[Days, Field(description=f"standard pictures: {_OTHERWISE}")] = 0
    keep_quarantine_days: Annotated[Days, Field(description=f"refused originals: {_OTHERWISE}")] = 0
    keep_detections_days: Annotated[Days, Field(description=f"validations and detections: {_OTHERWISE}")] = 0
    keep_events_days: Annotated[Days, Field(description=f"events, alerts, reviews: {_OTHERWISE}")] = 0
    keep_records_days: Annotated[Days, Field(description=f"rows of the warehouse: {_OTHERWISE}")] = 0
    keep_reports_days: Annotated[Days, Field(description=f"pages of days: {_OTHERWISE}")] = 0
    keep_runs_days: Annotated[Days, Field(description=f"folders of runs: {_OTHERWISE}")] = 0
    keep_comparisons_days: Annotated[Days, Field(description=f"comparisons: {_OTHERWISE}")] = 365
    keep_reproductions_days: Annotated[Days, Field(description=f"reproductions: {_OTHERWISE}")] = 30
    keep_old_versions_days: Annotated[
        int, Field(ge=1, le=36500, description="replaced versions of working documents: days until they are deleted")
    ] = 30

    @property
    def keep(self) -> Keep:
        """The same by kind. Raises ValidationError for days that do not go together."""
        return Keep.model_validate({kind: getattr(self, f"keep_{kind}_days") for kind in Keep.model_fields})
