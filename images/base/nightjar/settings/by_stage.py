"""Which settings each stage reads, and their values as environment variables, for a release to pin."""

import json
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import SecretStr

from nightjar.domain.stages import STAGES, stage_named
from nightjar.runtime.settings import Settings, load
from nightjar.settings.collect import CollectSettings
from nightjar.settings.detect import DetectSettings
from nightjar.settings.notify import NotifySettings, SendGridSettings
from nightjar.settings.report import ReportSettings
from nightjar.settings.validate import ValidateSettings

SETTINGS: Mapping[str, tuple[type[Settings], ...]] = {
    **dict.fromkeys(STAGES, ()),
    "collect": (CollectSettings,),
    "validate": (ValidateSettings,),
    "detect": (DetectSettings,),
    "notify": (NotifySettings, SendGridSettings),
    "report": (ReportSettings,),
}


def resolve(stage: str) -> dict[str, str]:
    """The settings of `stage` in this process's environment, defaults included: each variable with its value as text.

    Secrets are left out, and so is a setting without a value, which the stage has to find for itself. Read from these
    variables the settings are the same as here. Raises UsageError for a wrong value, or for a name that is no stage.
    """
    return {
        variable: value
        for kind in SETTINGS[stage_named(stage).name]
        for variable, value in _variables(kind, load(kind)).items()
    }


def _variables(kind: type[Settings], settings: Settings) -> dict[str, str]:
    public = {name for name, field in kind.model_fields.items() if not _is_secret(field.annotation)}
    values = settings.model_dump(mode="json", include=public, exclude_none=True)
    prefix = kind.model_config.get("env_prefix", "")
    return {f"{prefix}{name}".upper(): _text(value) for name, value in sorted(values.items())}


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(map(_is_secret, get_args(annotation)))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
