"""Makes the chart's schema and its README, of its values, their comments, and the classes that read the settings.

`make docs` writes them; a test fails when one is stale. The schema is written as YAML, a file for each section of the
values, in helm/schema/; what a value means stands above it in helm/nightjar/values.yaml and nowhere else.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from docs.generate import ROOT, settings_classes, table
from nightjar.domain.retention import Keep
from nightjar.domain.stages import STAGE_IMAGES, STAGES, Secret
from nightjar.runtime.settings import Settings

CHART = ROOT / "helm" / "nightjar"
SECTIONS = ROOT / "helm" / "schema"
SCHEMA = CHART / "values.schema.json"
README = CHART / "README.md"
_EXAMPLE = "collect"  # stands for every stage
# Settings that a value of another section sets, or the operator, or nobody on a cluster.
ELSEWHERE = frozenset(
    {
        *("NIGHTJAR_BUCKET", "NIGHTJAR_S3_ENDPOINT", "NIGHTJAR_S3_SECRET"),  # s3
        *("NIGHTJAR_IMAGE_PULL_POLICY", "NIGHTJAR_IMAGE_PULL_SECRET"),  # images
        *("NIGHTJAR_NAMESPACE", "NIGHTJAR_STAGES", "NIGHTJAR_STAGE_SERVICE_ACCOUNT"),  # stages
        *("NIGHTJAR_LIVE_PRIORITY_CLASS", "NIGHTJAR_HISTORY_PRIORITY_CLASS"),
        *("NIGHTJAR_POD_LABELS", "NIGHTJAR_POD_ANNOTATIONS", "NIGHTJAR_POD_TEMPLATE"),
        *("NIGHTJAR_SENDGRID_SECRET", "NIGHTJAR_CHANNELS_SECRET", "NIGHTJAR_SECRETS_DIR"),
        *("NIGHTJAR_RUNTIME", "NIGHTJAR_IMAGE", "NIGHTJAR_RUN", "NIGHTJAR_SHARD", "NIGHTJAR_TASK"),
        *("NIGHTJAR_AIRFLOW_URL", "NIGHTJAR_AIRFLOW_USER", "NIGHTJAR_AIRFLOW_PASSWORD"),  # of a person's shell
        *("NIGHTJAR_AIRFLOW_PASSWORD_FILE", "NIGHTJAR_AIRFLOW_TOKEN"),
        *(
            f"NIGHTJAR_KEEP_{kind}_DAYS" for kind in (*map(str.upper, Keep.model_fields), "OLD_VERSIONS")
        ),  # setup.bucket
        *("SENDGRID_API_KEY", "CHANNELS_URLS", "CHANNELS_LINK_KEY"),  # secrets
    }
)


def variables() -> dict[str, dict[str, Any]]:
    """Every setting that docs/settings.md lists, with its JSON schema."""
    return dict(sorted(pair for kind in settings_classes() for pair in _of_class(kind)))


def _of_class(kind: type[Settings]) -> Iterator[tuple[str, dict[str, Any]]]:
    document = kind.model_json_schema()
    for name in kind.__annotations__:
        if field := document["properties"].get(name):
            variable = f"{kind.model_config.get('env_prefix', '')}{name}".upper()
            yield variable, _plain(field, document.get("$defs", {}))


def _plain(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """A field's schema as one kind of value: without null, which leaving it out says, titles and references."""
    kinds = [each for each in field.get("anyOf", ()) if each.get("type") != "null"] or [field]
    kind = definitions[kinds[0]["$ref"].rpartition("/")[2]] if "$ref" in kinds[0] else kinds[0]
    merged = {**kind, **{key: field[key] for key in ("description", "default") if field.get(key) is not None}}
    kept = ("type", "enum", "pattern", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    return {key: merged[key] for key in (*kept, "description", "default") if key in merged}


def comments(text: str) -> dict[str, str]:
    """The comment above each key of `text`, by the key's path with dots."""
    found: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    above: list[str] = []
    for line in text.splitlines():
        if comment := re.fullmatch(r"\s*# ?(.*)", line):
            above.append(comment[1])
        elif key := re.match(r"( *)([A-Za-z0-9_-]+):", line):
            path = [*(step for step in path if step[0] < len(key[1])), (len(key[1]), key[2])]
            if above:
                found[".".join(name for _, name in path)] = " ".join(above)
            above = []
        else:
            above = []
    return found


def schema() -> str:
    """The text of values.schema.json. Draft 7, which every Helm 3 knows."""
    sections = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(SECTIONS.glob("*.yaml"))}
    definitions, top = sections.pop("_definitions"), sections.pop("_top")
    sections["settings"]["properties"] = {name: v for name, v in variables().items() if name not in ELSEWHERE}
    sections["images"]["properties"]["stages"]["properties"] = {
        image: {"$ref": "#/definitions/tag"} for image in STAGE_IMAGES
    }
    sections["stages"]["properties"] |= {stage: {"$ref": "#/definitions/stage"} for stage in STAGES}
    properties = {**top, **sections}
    document = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart nightjar",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "definitions": definitions,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def readme() -> str:
    """The text of the chart's README: its head, and every value with its kind, default and meaning, by section."""
    text = (CHART / "values.yaml").read_text()
    meaning, defaults, document = comments(text), yaml.safe_load(text), json.loads(schema())
    chapters: dict[str, list[tuple[str, ...]]] = {}
    for key, value in leaves(defaults, meaning):
        section, _, rest = key.partition(".")
        stage = rest.partition(".")[0] if section == "stages" else ""
        if stage in STAGES and stage != _EXAMPLE:
            continue  # each has the same values
        said = meaning.get(key, "")
        if stage == _EXAMPLE:
            key, said = key.replace(_EXAMPLE, "<stage>"), said.replace(_EXAMPLE, "<stage>")
        title = section if rest or section == "settings" else "All objects"
        row = (f"`{key}`", _kind(document, key.replace("<stage>", _EXAMPLE)), f"`{_flow(value)}`", said)
        chapters.setdefault(title, []).append(row)
    head = (SECTIONS / "README.head.md").read_text()
    parts = [f"### {name}\n{table(('value', 'kind', 'default', 'meaning'), rows)}\n" for name, rows in chapters.items()]
    return "\n".join([head.replace("<!-- table of stages -->", _stages(defaults["stages"])), *parts])


def _stages(values: Mapping[str, Any]) -> str:
    """The resources that a pod of each stage has unless the values say otherwise."""
    places = {
        Secret.S3: "s3.secret",
        Secret.MAIL: "stages.secrets.sendgrid",
        Secret.CHANNELS: "stages.secrets.channels",
    }
    rows = (
        (
            *(f"`{stage.name}`", f"`{stage.image}`", stage.cpu, stage.memory),
            str(values[stage.name]["parallel"] or ""),
            " ".join(f"`{places[secret]}`" for secret in stage.secrets),
        )
        for stage in STAGES.values()
    )
    return table(("stage", "image", "CPU", "memory", "pods at once", "Secrets"), rows)


def _kind(document: Mapping[str, Any], key: str) -> str:
    """The values that the schema takes at `key`, in words."""
    kind: Mapping[str, Any] = document
    for step in key.split("."):
        kind = kind.get("properties", {}).get(step) or kind.get("additionalProperties") or {}
        if "$ref" in kind:
            kind = document["definitions"][kind["$ref"].rpartition("/")[2]]
    if "enum" in kind:
        return " or ".join(f"`{each}`" for each in kind["enum"])
    words = {"boolean": "true or false", "integer": "whole number", "string": "text", "object": "mapping"}
    word = {**words, "array": "list"}.get(kind.get("type", ""), "number")
    bounds = [f"{sign} {kind[name]}" for sign, name in (("≥", "minimum"), ("≤", "maximum")) if name in kind]
    return " ".join([word, *bounds])


def leaves(values: Mapping[str, Any], meaning: Mapping[str, str], path: str = "") -> Iterator[tuple[str, Any]]:
    """Every key, by its path with dots, that has a comment of its own or is no mapping, and its default."""
    for name, value in values.items():
        key = f"{path}{name}"
        if key in meaning or not isinstance(value, dict) or not value:
            yield key, value
        else:
            yield from leaves(value, meaning, f"{key}.")


def _flow(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n...\n").strip()


def main() -> None:
    """Rewrite what is stale, and name it."""
    for path, text in ((SCHEMA, schema()), (README, readme())):
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            sys.stdout.write(f"{path.relative_to(ROOT)} rewritten\n")


if __name__ == "__main__":
    main()
