"""The page of a dry run: the counts, and the alerts gained and lost with their pictures."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nightjar.cli.boxed_pictures import boxed_pictures
from nightjar.errors import UsageError
from nightjar.queries import trial_words
from nightjar.queries.trial import ASSUMED, Trial

if TYPE_CHECKING:
    from nightjar.domain.dry_run import Message
    from nightjar.runtime.store import ObjectStore

_TEMPLATES = Path(__file__).parent / "templates"
_MOST_PICTURES = 30  # of the gained and of the lost each: a page of a few megabytes
_MOST_LISTED = 300  # without pictures


@dataclass(frozen=True)
class _Shown:
    """A message as the page shows it; `why` says why the other rules do not send it."""

    message: "Message"
    why: str
    picture: str | None

    @property
    def what(self) -> str:
        """`Person and car`."""
        text = trial_words.what(self.message)
        return text[:1].upper() + text[1:]

    @property
    def when(self) -> str:
        """On the clock of who gets it."""
        return trial_words.when(self.message)

    @property
    def rule(self) -> str:
        """`200 intruder`."""
        return trial_words.rule(self.message)


@dataclass(frozen=True)
class _Section:
    title: str
    none: str
    why: str
    shown: Sequence[_Shown]
    more: int


def page(store: "ObjectStore", trial: Trial, in_force: str, new: str) -> bytes:
    """The page in UTF-8. Raises UsageError where Jinja or Pillow are not installed."""
    from nightjar.domain.rules_comparison import Change
    from nightjar.domain.tally import many
    from nightjar.runtime.pages import page_templates

    try:
        environment = page_templates(_TEMPLATES)
    except ModuleNotFoundError as error:
        raise UsageError(f"the page needs Jinja, which this installation lacks: {error}") from None
    environment.filters.update(many=many, number=lambda n: f"{n:,}")
    sections = [
        _section(store, trial, Change.GAINED, "Gained", "No alert is gained.", "The rules in force do not send it:"),
        _section(store, trial, Change.LOST, "Lost", "No alert is lost.", "The new rules do not send it:"),
    ]
    same = [pair for pair in trial.pairs if pair.change is Change.SAME]
    text = environment.get_template("trial.html.j2").render(
        trial=trial,
        headline=trial_words.headline(trial),
        sums=trial_words.sums(trial),
        sections=sections,
        same=[_Shown(pair.message, "", None) for pair in same[:_MOST_LISTED]],
        same_more=max(0, len(same) - _MOST_LISTED),
        held=[
            ("in force", trial_words.held_in_words(trial.held_before)),
            ("new", trial_words.held_in_words(trial.held_after)),
        ],
        in_force=in_force,
        new=new,
        assumed=ASSUMED,
    )
    return text.encode()


def _section(store: "ObjectStore", trial: Trial, change: str, title: str, none: str, why: str) -> _Section:
    changed = [(n, pair.message) for n, pair in enumerate(trial.pairs) if pair.change == change]
    listed = changed[:_MOST_LISTED]
    pictures = boxed_pictures(store, {n: message.lead.best for n, message in _spread(listed)})
    shown = [_Shown(message, trial_words.why_in_words(trial.why[n]), pictures.get(n)) for n, message in listed]
    return _Section(f"{title}: {len(changed):,}", none, why, shown, len(changed) - len(listed))


def _spread(changed: "Sequence[tuple[int, Message]]") -> "Iterable[tuple[int, Message]]":
    """The messages that get a picture: of each camera in turn, so that one camera does not take all."""
    turns: dict[object, int] = {}
    ranked = []
    for item in changed:
        camera = item[1].camera
        turns[camera] = turns.get(camera, 0) + 1
        ranked.append((turns[camera], item))
    ranked.sort(key=lambda each: each[0])
    return (item for _, item in ranked[:_MOST_PICTURES])
