"""Which settings each stage reads, and their values as environment variables, for a release to pin."""

import difflib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, get_args

from pydantic import SecretStr

from nightjar.domain.stages import STAGES, stage_named
from nightjar.errors import UsageError
from nightjar.runtime.settings import Settings, load
from nightjar.settings.channels import ChannelSecrets, ChannelSettings, LinkSettings
from nightjar.settings.collect import CollectSettings
from nightjar.settings.detect import DetectSettings
from nightjar.settings.notify import NotifySettings, SendGridSettings
from nightjar.settings.report import ReportSettings
from nightjar.settings.survey import SurveySettings
from nightjar.settings.validate import ValidateSettings

_PREFIX = "NIGHTJAR_"
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_OF_A_SERVICE = re.compile(r"_(SERVICE_(HOST|PORT\w*)|PORT(_\d+_(TCP|UDP|SCTP)\w*)?)$")

SETTINGS: Mapping[str, tuple[type[Settings], ...]] = {
    **dict.fromkeys(STAGES, ()),
    "collect": (CollectSettings,),
    "validate": (ValidateSettings,),
    "detect": (DetectSettings,),
    **dict.fromkeys(
        ("notify", "tell"), (NotifySettings, SendGridSettings, ChannelSecrets, ChannelSettings, LinkSettings)
    ),
    "report": (ReportSettings,),
    "survey": (SurveySettings,),
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


def refuse_unknown(names: Iterable[str], known: Iterable[type[Settings]], others: Collection[str] = ()) -> None:
    """Raise UsageError for every `NIGHTJAR_…` of `names` that is no setting: a typo must not be a default.

    Settings are those of the stages, of `known`, and `others`. Variables that Kubernetes sets in every pod for a
    service called `nightjar-…` are left alone.
    """
    kinds = [*known, *(kind for kinds in SETTINGS.values() for kind in kinds)]
    settings = {variable for kind in kinds for variable in _names(kind)} | set(others)
    wrong = sorted(
        n for n in names if n.startswith(_PREFIX) and n.upper() not in settings and not _OF_A_SERVICE.search(n)
    )
    if wrong:
        near = {name: difflib.get_close_matches(name, sorted(settings), n=1) for name in wrong}
        hints = (f"{name}{f' (did you mean {near[name][0]}?)' if near[name] else ''}" for name in wrong)
        raise UsageError(f"expected every NIGHTJAR_ variable to be a setting, got {', '.join(hints)}")


def _names(kind: type[Settings]) -> Iterable[str]:
    return (f"{_prefix(kind)}{name}".upper() for name in kind.model_fields)


def _prefix(kind: type[Settings]) -> str:
    return kind.model_config.get("env_prefix", "")


def _variables(kind: type[Settings], settings: Settings) -> dict[str, str]:
    public = {name for name, field in kind.model_fields.items() if not _is_secret(field.annotation)}
    values = settings.model_dump(mode="json", include=public, exclude_none=True)
    return {f"{_prefix(kind)}{name}".upper(): _text(value) for name, value in sorted(values.items())}


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(map(_is_secret, get_args(annotation)))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
