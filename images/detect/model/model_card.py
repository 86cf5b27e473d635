"""The model card: everything there is to say about the model, as JSON for programs and as Markdown for people."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SCHEMA = 2  # of the parts that nightjar_detect/model.py reads


@dataclass(frozen=True)
class Built:
    """A detector as its recipe makes it.

    `artefacts` maps a backend to its file's path and bytes; `card` is the model card without `schema` and `artefacts`.
    """

    artefacts: Mapping[str, tuple[str, bytes]]
    card: Mapping[str, Any]
    licence: bytes


def card(built: Built) -> dict[str, Any]:
    """The model card with the checksums of the files."""
    artefacts = {
        backend: {"path": path, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        for backend, (path, data) in built.artefacts.items()
    }
    return {"schema": SCHEMA, "name": built.card["name"], "artefacts": artefacts, **built.card}


def markdown(card: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    artefacts = "\n".join(
        f"| {backend} | `{each['path']}` | {each['bytes']:,} | `{each['sha256']}` |"
        for backend, each in card["artefacts"].items()
    )
    limits = "\n".join(f"* {limit}" for limit in card["limits"])
    labels = ", ".join(f"{name} ({number})" for number, name in card["labels"].items())
    scores = "\n".join(f"* {source}: {said}." for source, said in card["scores"].items())
    thresholds = ", ".join(f"{label} {value:g}" for label, value in card.get("thresholds", {}).items()) or "none"
    return f"""# Model card: {card["name"]}

Licence: {card["licence"]}.
Source: `{card["source"]["package"]}` (`{card["source"]["integrity"]}`),
{card["source"]["origin"]}.

| backend | file | bytes | SHA-256 |
|---|---|---|---|
{artefacts}

**Input.** {_in_words(card["input"])}.

**Decoder.** {card["decoder"]["kind"]}; suppression: {_in_words(card["suppression"])}.

**Quantisation.** {card["quantisation"]}.

**Trained on.** {card["trained_on"]}.

**How it scores.**
{scores}

**Recommended thresholds** (`*`: every other label). {thresholds}.

**Limits.**
{limits}

**Labels (channel).** {labels}.
"""


def _in_words(values: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key} {json.dumps(value) if isinstance(value, list | dict) else value}" for key, value in values.items()
    )
