"""The review sheet of standing false boxes: `index.html` to look at, and `false-boxes.yaml` to say yes or no in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, ValidationError

from nightjar.cli.boxed_pictures import boxed_pictures
from nightjar.domain.detections import Fraction
from nightjar.domain.model import Input
from nightjar.errors import InputError, UsageError

if TYPE_CHECKING:
    from nightjar.domain.names import Camera
    from nightjar.domain.standing_boxes import StandingBox
    from nightjar.runtime.store import ObjectStore

PAGE, FILE = "index.html", "false-boxes.yaml"
_TEMPLATES = Path(__file__).parent / "templates"
_MOST_BOXES = 40  # that the page shows
_DAYS_SHOWN = 3  # pictures of each


@dataclass(frozen=True)
class Candidate:
    """A box that stands at a camera; its `number` tells it apart on the sheet."""

    number: int
    camera: "Camera"
    box: "StandingBox"

    @property
    def days(self) -> str:
        """On how many days, of how many, and when: `5 of 7 days, 2026-11-02 to 2026-11-08, 17:40 to 18:05`."""
        clocks = sorted(f"{each.local:%H:%M}" for each in self.box.examples)
        first, last = self.box.days[0], self.box.days[-1]
        return f"{len(self.box.days)} of {self.box.of_days} days, {first} to {last}, {clocks[0]} to {clocks[-1]}"


class Line(Input):
    """A box of the sheet's file."""

    number: int
    camera: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,64}-[A-Za-z0-9_]{1,64}$")]
    label: str
    box: tuple[Fraction, Fraction, Fraction, Fraction]
    overlap: Annotated[float, Field(gt=0, le=1)]
    confirmed: bool


class Sheet(Input):
    """`false-boxes.yaml`."""

    version: Literal[1]
    boxes: tuple[Line, ...] = ()


def as_yaml(candidates: Sequence[Candidate], overlap: float) -> str:
    """The file, every box of which says `confirmed: no`."""
    lines = [
        "# Look at index.html beside this file. Where there is nothing at the box, change `no` to `yes`. Then:",
        "#   nightjar rules false-boxes confirm false-boxes.yaml",
        "version: 1",
        "boxes:" if candidates else "boxes: []",
    ]
    for each in candidates:
        box = ", ".join(f"{side:g}" for side in each.box.box)
        lines += [
            f"  # {each.number}: {each.days}",
            f"  - number: {each.number}",
            f"    camera: {each.camera.name}",
            f"    label: {_quoted(each.box.label)}",
            f"    box: [{box}]",
            f"    overlap: {overlap:g}",
            "    confirmed: no",
        ]
    return "\n".join(lines) + "\n"


def read_sheet(file: Path) -> Sheet:
    """The file as a person left it; raises UsageError or InputError that says where it is wrong."""
    from nightjar.runtime.lined_yaml import read_yaml

    try:
        document = read_yaml(file.read_bytes())
    except OSError as error:
        raise UsageError(f"expected a file at {str(file)!r}: {error.strerror}") from None
    if document.problems:
        raise InputError(f"{file} is wrong: {document.problems[0]}")
    try:
        return Sheet.model_validate(document.value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{file} is wrong: {where}: {first['msg']}, got {first['input']!r:.80}") from None


def write_sheet(
    store: "ObjectStore", out: Path, candidates: Sequence[Candidate], overlap: float, span: tuple[datetime, datetime]
) -> None:
    """Write both below `out`; raises UsageError where they cannot be written, or Jinja or Pillow are not there."""
    from nightjar.domain.probability import percent
    from nightjar.runtime.pages import page_templates

    try:
        environment = page_templates(_TEMPLATES)
    except ModuleNotFoundError as error:
        raise UsageError(f"the sheet needs Jinja, which this installation lacks: {error}") from None
    environment.filters.update(percent=percent)
    shown = candidates[:_MOST_BOXES]
    page = environment.get_template("false_boxes.html.j2").render(
        candidates=shown,
        more=len(candidates) - len(shown),
        pictures=_pictures(store, shown),
        days=range(_DAYS_SHOWN),
        file=FILE,
        start=span[0],
        end=span[1],
    )
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / PAGE).write_text(page, encoding="utf-8")
        (out / FILE).write_text(as_yaml(candidates, overlap), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {error.filename!r}: {error.strerror}") from None


def _pictures(store: "ObjectStore", candidates: Sequence[Candidate]) -> dict[tuple[int, int], str]:
    """By number of the box and of the day: the first day, the last, and one between."""
    from nightjar.domain.events import ThreatPicture

    wanted = {}
    for each in candidates:
        examples = each.box.examples
        chosen = dict.fromkeys((0, len(examples) // 2, len(examples) - 1))
        for n, index in enumerate(chosen):
            one = examples[index]
            wanted[each.number, n] = ThreatPicture.model_construct(
                picture=one.detection.picture, detector=one.detection.detector, objects=(one.seen,)
            )
    return boxed_pictures(store, wanted)


def _quoted(text: str) -> str:
    """Text as YAML reads it back, whatever it holds."""
    import json

    return json.dumps(text, ensure_ascii=False)
