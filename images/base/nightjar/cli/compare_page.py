"""The page of a comparison: the counts, what people said, speed and memory, and the pictures side by side."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nightjar.cli.boxed_pictures import Boxed, BoxedPicture, boxed_pictures
from nightjar.errors import UsageError
from nightjar.queries import comparison_words as words

if TYPE_CHECKING:
    from nightjar.domain.comparison.documents import Comparison, Example, Kind, SumOf
    from nightjar.runtime.store import ObjectStore

_TEMPLATES = Path(__file__).parent / "templates"
_MOST_PICTURES = 24  # pairs: a page of a few megabytes
_MOST_ROWS = 50  # of one table


@dataclass(frozen=True)
class _Shown:
    example: "Example"
    before: str | None  # the picture as a URI
    after: str | None

    @property
    def title(self) -> str:
        text = words.example_in_words(self.example)
        return text[:1].upper() + text[1:]

    @property
    def why(self) -> str:
        return words.why(self.example)


@dataclass(frozen=True)
class _Table:
    title: str
    rows: "list[SumOf]"
    more: int


@dataclass(frozen=True)
class _Section:
    title: str
    tables: list[_Table]


def page(store: "ObjectStore", comparison: "Comparison") -> bytes:
    """The page in UTF-8. Raises UsageError where Jinja or Pillow are not installed."""
    from nightjar.domain.comparison.documents import Kind
    from nightjar.domain.tally import many
    from nightjar.runtime.pages import page_templates

    try:
        environment = page_templates(_TEMPLATES)
    except ModuleNotFoundError as error:
        raise UsageError(f"the page needs Jinja, which this installation lacks: {error}") from None
    environment.filters.update(many=many, number=lambda n: f"{n:,}")
    text = environment.get_template("comparison.html.j2").render(
        comparison=comparison,
        headline=words.headline(comparison),
        before=words.name(comparison.before),
        after=words.name(comparison.after),
        rules_before=words.rules(comparison.before),
        rules_after=words.rules(comparison.after),
        is_of_detectors=words.are_two_detectors(comparison),
        warnings=list(words.warnings(comparison)),
        reviewed=[words.reviewed_in_words(each) for each in comparison.words],
        totals=[(str(kind), comparison.total(kind)) for kind in Kind if str(kind) in comparison.totals],
        sections=[section for kind in Kind if (section := _section(comparison, kind)).tables],
        speeds=[
            ("deployed", words.speed_in_words(comparison.speed_before)),
            ("candidate", words.speed_in_words(comparison.speed_after)),
        ],
        shown=_pictures(store, comparison),
        assumed=words.ASSUMED,
    )
    return text.encode()


def _section(comparison: "Comparison", kind: "Kind") -> _Section:
    named = (("label", comparison.by_label), ("camera", comparison.by_camera), ("user", comparison.by_user))
    tables = [
        _Table(title, rows[:_MOST_ROWS], max(0, len(rows) - _MOST_ROWS))
        for title, sums in named
        if (rows := sorted(comparison.of_kind(sums, kind), key=lambda each: -(each.tally.gained + each.tally.lost)))
    ]
    return _Section(f"{str(kind).capitalize()}", tables)


def _pictures(store: "ObjectStore", comparison: "Comparison") -> list[_Shown]:
    """The most telling pictures, as each side sees them; once only where both sides have the same detector."""
    examples = comparison.examples[:_MOST_PICTURES]
    wanted: dict[tuple[int, str], Boxed] = {}
    for n, each in enumerate(examples):
        wanted[n, "before"] = BoxedPicture(each.picture, each.before)
        if words.are_two_detectors(comparison):
            wanted[n, "after"] = BoxedPicture(each.picture, each.after)
    drawn = boxed_pictures(store, wanted)
    return [_Shown(each, drawn.get((n, "before")), drawn.get((n, "after"))) for n, each in enumerate(examples)]
