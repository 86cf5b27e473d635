"""Writes the tables of the docs that repeat the code: refusal reasons, exit codes, settings, rules, records, pages.

`make docs` rewrites them; a test fails when one is stale. A table stands between `<!-- name -->` and `<!-- /name -->`.
"""

import importlib
import json
import re
import sys
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, time
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import nightjar.errors
from docs import sizing
from nightjar.domain.areas import Polygon
from nightjar.domain.reasons import Reason
from nightjar.domain.remedies import Remedy
from nightjar.domain.rules import Agree, Alerts, Cap, Device, Operator, Rule, Rules, Static, User
from nightjar.domain.rules.schema import keys_of
from nightjar.domain.stages import STAGES, Stage
from nightjar.domain.windows import Hours
from nightjar.runtime.settings import Settings
from nightjar.stores.columns import document
from nightjar.stores.tables import TABLES as RECORD_TABLES
from plugins.web.access import acts
from plugins.web.pages import discover

ROOT = Path(__file__).resolve().parent.parent
# Modules with settings, and who reads them where the stage is not told by the module.
MODULES = (
    "nightjar.runtime.settings",
    "operators.settings",
    "nightjar.settings.by_stage",
    "nightjar.settings.airflow",
    "nightjar.settings.retention",
    "nightjar.stores.warehouse",
)
OWNERS = {
    "nightjar.runtime.settings": "all",
    "nightjar.settings.airflow": "commands",
    "nightjar.settings.channels": "notify",
    "nightjar.settings.retention": "`make up`",
    "nightjar.stores.warehouse": "pages",
    "operators.settings": "DAGs",
}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    lines = [list(head), ["---"] * len(list(head)), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def reasons() -> str:
    """Every refusal reason with its meaning."""
    return table(("reason", "what it means, what to do"), ((f"`{r}`", r.meaning) for r in Reason))


def remedies() -> str:
    """Every way to put right refusals, with the reasons that it is for."""
    rows = (
        (each.title, " ".join(f"`{reason}`" for reason in each.reasons), each.advice, "yes" if each.retry_helps else "")
        for each in Remedy
    )
    return table(("wrong is", "reasons", "what to do", "retry"), rows)


def exit_codes() -> str:
    """Every exit code with the error that it stands for."""
    kinds = (nightjar.errors.UsageError, nightjar.errors.InputError, nightjar.errors.TryAgainError)
    rows = [("0", "done, also when there was nothing to do", "")]
    for kind in kinds:
        retried = "retried with back-off" if kind is nightjar.errors.TryAgainError else "not retried"
        rows.append((str(kind.exit_code), (kind.__doc__ or "").split("\n")[0], retried))
    rows.append(("other", "A bug, or the process was killed.", "retried, then failed"))
    rows.append(("any, or none", "It was stopped at its time bound.", "retried once, then failed"))
    return table(("code", "meaning", "Airflow"), rows)


def settings() -> str:
    """Every setting of every stage with its bound and default, from the classes that read them."""
    return table(
        ("variable", "for", "value", "default", "meaning"),
        sorted(row for kind in settings_classes() for row in _rows(kind)),
    )


def stages() -> str:
    """A picture of the stages and the stores they write, and a table of all that they read and write."""
    # Every stage has its place in the run's folder; an arrow to it would say nothing.
    edges = [
        *(f"    {stage.name}([{stage.name}]) --> {store}[({store}/)]" for stage, store in _pairs("writes")),
        *(f"    {store}[({store}/)] --> {stage.name}([{stage.name}])" for stage, store in _pairs("reads")),
    ]
    rows = (
        (f"`{s.name}`", f"`{s.image}`", "yes" if s.sharded else "", ", ".join(s.reads), ", ".join(s.writes))
        for s in STAGES.values()
    )
    picture = "\n".join(["```mermaid", "flowchart LR", *edges, "```"])
    return f"{picture}\n\n{table(('stage', 'image', 'one a shard', 'reads', 'writes'), rows)}"


def _pairs(field: str) -> Iterator[tuple[Stage, str]]:
    """Each stage with each store that it reads, or writes, but for its run's folder and what it reads of its own."""
    for stage in STAGES.values():
        for store in getattr(stage, field):
            is_own = store in stage.writes if field == "reads" else store == "incoming"
            if store not in ("runs", "rules", "claims") and (not is_own or (field, store) == ("reads", "incoming")):
                yield stage, store


def web_pages() -> str:
    """The pages in Airflow's UI: what each shows, and whose permissions it asks for."""
    rows = (
        (
            each.page.title,
            (importlib.import_module(f"plugins.pages.{each.page.name}.page").__doc__ or "").splitlines()[0],
            f"`{each.page.dag_id}`",
            " ".join(f"`{dag}`" for dag in sorted({act.dag_id for act in acts(each.page.router)})),
        )
        for each in discover()
    )
    return table(("page", "it is", "seeing it reads runs of", "acting there changes runs of"), rows)


def records() -> str:
    """The tables of the warehouse, from the classes that make their schemas."""
    return document(RECORD_TABLES)


def settings_classes() -> Iterator[type[Settings]]:
    """Every class of settings of Nightjar's processes."""
    for name in MODULES:
        importlib.import_module(name)
    kinds = [Settings]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return (kind for kind in kinds if kind.__annotations__ and kind is not Settings)


def _rows(kind: type[Settings]) -> Iterator[tuple[str, str, str, str, str]]:
    owner = OWNERS.get(kind.__module__) or kind.__module__.rpartition(".")[2]
    for name in kind.__annotations__:
        field: Any = kind.model_fields.get(name)
        if field is None:
            continue
        bounds = [_bound(m) for m in field.metadata if isinstance(m, Ge | Gt | Le | Lt)]
        value = " ".join([_word(field.annotation), *bounds])
        variable = f"{kind.model_config.get('env_prefix', '')}{name}".upper()
        yield f"`{variable}`", owner, value, _default(field), field.description or ""


def _word(annotation: Any) -> str:
    """The name of a value of this type."""
    kinds = [kind for kind in (typing.get_args(annotation) or (annotation,)) if kind is not type(None)]
    words = {int: "whole number", float: "number", bool: "true or false", Path: "path"}
    is_json = typing.get_origin(annotation) is dict or (isinstance(kinds[0], type) and issubclass(kinds[0], BaseModel))
    return words.get(kinds[0], "JSON" if is_json else "text")


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    shown = not field.default_factory and field.default not in (None, "")
    return f"`{field.default}`" if shown else ""


def _bound(metadata: Ge | Gt | Le | Lt) -> str:
    match metadata:
        case Ge(limit):
            return f"≥ {limit}"
        case Gt(limit):
            return f"> {limit}"
        case Le(limit):
            return f"≤ {limit}"
        case Lt(limit):
            return f"< {limit}"


# The mappings of a rules file, and the kinds of values in it.
RULES: dict[str, type[BaseModel]] = {
    "file": Rules,
    "rule": Rule,
    "agree": Agree,
    "static": Static,
    "user": User,
    "alerts": Alerts,
    "cap": Cap,
    "device": Device,
    "operator": Operator,
}
_KINDS: dict[object, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number or per cent",
    str: "text",
    tuple: "list",
    dict: "mapping",
    Hours: "hours",
    datetime: "time with its zone",
    time: "time of the day",
    Polygon: "area",
}


def rules_keys(kind: type[BaseModel]) -> str:
    """Every key of one mapping of a rules file, from the class that reads it."""
    own = vars(kind)["__annotations__"]  # before those that a user and a device have in common
    fields = sorted(keys_of(kind).items(), key=lambda item: item[0] not in own and f"{item[0]}_" not in own)
    rows = (
        (f"`{key}`", _rules_value(field), _rules_default(field), field.description or "", f"`{key}: {_example(field)}`")
        for key, field in fields
    )
    return table(("key", "value", "default", "meaning", "example"), rows)


def _rules_value(field: FieldInfo) -> str:
    words = dict.fromkeys(word for word in _words_of(field.annotation) if word)
    limits = [_bound(m) for m in (*field.metadata, *_metadata(field.annotation)) if isinstance(m, Ge | Gt | Le | Lt)]
    # The bounds of a share or a probability are those of its kind.
    return " ".join([" or ".join(words), *(limits if "whole number" in words else ())])


def _words_of(annotation: object) -> Iterator[str]:
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        yield ", ".join(annotation)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield "mapping"
    elif origin is typing.Literal:
        yield " or ".join(f"`{_flow(each)}`" for each in parts)
    elif annotation in _KINDS or origin in _KINDS:
        yield _KINDS.get(annotation) or _KINDS[origin]
    else:
        for part in parts[:1] if origin is typing.Annotated else parts:
            yield from _words_of(part)


def _metadata(annotation: object) -> Iterator[object]:
    if typing.get_origin(annotation) not in (tuple, dict):
        for part in typing.get_args(annotation):
            yield from getattr(part, "metadata", ()) or _metadata(part)
        yield from getattr(annotation, "__metadata__", ())


def _rules_default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    return f"`{_flow(default)}`" if default not in (None, (), {}) else ""


def _example(field: FieldInfo) -> str:
    return _flow(field.examples[0] if field.examples else field.get_default(call_default_factory=True))


def _flow(value: object) -> str:
    """A value as YAML in a line, in the way that the docs write it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_flow, value))}]"
    is_plain = not isinstance(value, str) or not re.fullmatch(r"[0-9]{2}:.*", value)
    return (str(value).lower() if isinstance(value, bool) else str(value)) if is_plain else json.dumps(value)


def clusters() -> str:
    """The pods and nodes that some loads ask of a cluster."""
    head = (
        *("load", "live runs, shards", "shards a minute", "pictures a shard"),
        *("pods at once: validate, detect, assess", "cores", "GiB"),
        "cores of Airflow",
    )
    return table(head, sizing.clusters())


def s3_requests() -> str:
    """Requests to S3 by what costs them, and what a thousand of it cost."""
    return table(("", "PUT, COPY, POST, LIST", "GET, HEAD", "$ for 1,000"), sizing.requests())


def s3_bills() -> str:
    """The price that S3 bills for the requests of some loads."""
    head = ("load", "million PUT, COPY, POST, LIST a month", "million GET, HEAD", "$ a month", "$ for 1,000 pictures")
    return table(head, sizing.bills())


TABLES: dict[str, Callable[[], str]] = {
    "reasons": reasons,
    "remedies": remedies,
    "exit-codes": exit_codes,
    "settings": settings,
    "records": records,
    "pages": web_pages,
    "stages": stages,
    "clusters": clusters,
    "requests": s3_requests,
    "bills": s3_bills,
    **{f"rules-{name}": partial(rules_keys, kind) for name, kind in RULES.items()},
}


def render(text: str) -> str:
    """`text` with every marked table made anew; raises KeyError for a marker that names no table."""

    def fill(found: re.Match[str]) -> str:
        return f"<!-- {found[1]} -->\n{TABLES[found[1]]()}\n<!-- /{found[1]} -->"

    return re.sub(r"<!-- ([a-z-]+) -->.*?<!-- /\1 -->", fill, text, flags=re.DOTALL)


def pages() -> list[Path]:
    """Every page of the docs."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def main() -> None:
    """Rewrite the pages that are stale, and name them."""
    for page in pages():
        old = page.read_text()
        if (new := render(old)) != old:
            page.write_text(new)
            sys.stdout.write(f"{page.relative_to(ROOT)} rewritten\n")


if __name__ == "__main__":
    main()
