"""Settings of the survey stage: from when on a camera is in trouble."""

from typing import Annotated

from pydantic import Field

from nightjar.runtime.settings import Settings

_DAY = 86_400
_LONGEST = 60 * _DAY


class SurveySettings(Settings):
    """Pictures are counted once a minute, by the last one that was taken in it, so that a clip is not many pictures."""

    survey_runs: Annotated[int, Field(ge=1, le=10_000, description="runs that one survey counts, at most")] = 500
    void_pictures: Annotated[int, Field(ge=1, le=60, description="void pictures one after the other")] = 3
    void_seconds: Annotated[int, Field(ge=0, le=_DAY, description="seconds over which these were taken, at least")] = (
        300
    )
    frozen_pictures: Annotated[int, Field(ge=2, le=48, description="same pictures one after the other")] = 5
    frozen_seconds: Annotated[
        int, Field(ge=0, le=_DAY, description="seconds over which these were taken, at least")
    ] = 900
    frozen_noise_seconds: Annotated[
        int,
        Field(
            ge=0,
            le=2 * _DAY,
            description="seconds over which pictures, one an hour, are the same but for noise and a clock in them; a "
            "whole day, in which the light changes; 0: this is not looked at",
        ),
    ] = _DAY
    silent_history_seconds: Annotated[
        int,
        Field(ge=0, le=14 * _DAY, description="seconds since its first footage before a camera has gaps of its own"),
    ] = 3 * _DAY
    silent_first_seconds: Annotated[
        int,
        Field(ge=60, le=_LONGEST, description="seconds without footage before that, or without any in the first place"),
    ] = _DAY
    silent_least_seconds: Annotated[
        int, Field(ge=60, le=_LONGEST, description="seconds without footage, at least, however short its gaps are")
    ] = 1800
    clock_off_seconds: Annotated[
        int,
        Field(ge=60, le=_DAY, description="seconds from the time in a name to the arrival that tell of a wrong clock"),
    ] = 5400
    clock_arrivals: Annotated[int, Field(ge=2, le=16, description="minutes with arrivals that are off by the same")] = 4
    clock_seconds: Annotated[int, Field(ge=0, le=_DAY, description="seconds over which these arrived, at least")] = 1800
    refused_share: Annotated[
        float, Field(gt=0, le=1, description="share of the last day's pictures that are refused")
    ] = 0.5
    refused_pictures: Annotated[int, Field(ge=1, le=100_000, description="pictures of that day, at least")] = 20
