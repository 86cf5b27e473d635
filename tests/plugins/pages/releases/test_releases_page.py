"""The page of releases: what it shows, and promoting and dropping a candidate."""

import re
from datetime import timedelta
from typing import Any

import pytest

from nightjar.domain.bumps import Bump, BumpKind, value_of
from nightjar.domain.candidates import CandidateRecord
from nightjar.domain.comparison.documents import Comparison, Example, SideRef, Tally
from nightjar.domain.detections import DetectedObject, Picture
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.release import FrozenRules, Images, Release, StageRelease, parse_images
from nightjar.domain.stages import STAGE_IMAGES
from nightjar.errors import TryAgainError
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.comparisons import Candidates, Comparisons
from nightjar.stores.releases import Releases
from plugins.pages.releases.images_variable import AirflowVariable
from plugins.pages.releases.page import images_variable
from tests.plugins.pages.one_page import make_client_of
from tests.plugins.web_world import NOW, VIEWER, PagesClient

HERE = "/nightjar-ui/releases/"
REGISTRY = "registry.example.com/nightjar"
ONE = Images.model_validate({"registry": REGISTRY, **dict.fromkeys(STAGE_IMAGES, "1")})
TRIED = ONE.model_copy(update={"detect_candidate": "2-far"})
DIGEST = f"sha256:{'ab' * 32}"


class Variable:
    """The Variable in memory, and who edited it; `fails` is raised by every call."""

    def __init__(self, value: Images | str | None = ONE, edits: list[dict[str, Any]] | None = None) -> None:
        self.value = value.model_dump_json(by_alias=True) if isinstance(value, Images) else value
        self._edits = edits or []
        self.fails: Exception | None = None

    def get(self) -> str | None:
        if self.fails:
            raise self.fails
        return self.value

    def set(self, value: str) -> None:
        self.value = value

    def edits(self) -> list[dict[str, Any]]:
        if self.fails:
            raise self.fails
        return self._edits


def client(store: MemoryStore, variable: Variable, **more: Any) -> PagesClient:
    made = make_client_of("releases", store, **more)
    made.app.dependency_overrides[images_variable] = lambda: variable
    return made


def run_by(store: MemoryStore, images: Images, name: str, minutes: float = 0) -> None:
    """The notes that freeze_release leaves of a run, so many minutes before now."""
    at = NOW - timedelta(minutes=minutes)
    releases = Releases(store)
    rules = FrozenRules(
        key="rules/r.yaml", sha256="r", source=ObjectRef(key="config/rules.yaml", version_id="1", sha256="r", size=1)
    )
    stages = {"detect": StageRelease(image=images.reference("detect"))}
    noted = releases.take_note(value_of(images), at).model_copy(update={"digests": {"detect": DIGEST}})
    releases.record(Release(run="a", stages=stages, rules=rules), f"runs/nightjar_live/{name}/", at, noted)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(clock=lambda: NOW)


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_before_the_first_run(store: MemoryStore) -> None:
    text = text_of(client(store, Variable()).get(HERE).text)
    assert "No run was pinned by these images yet" in text
    assert "No bump is known yet" in text and "No detector is tried beside the deployed one" in text


@pytest.mark.parametrize(
    ("value", "message"),
    [(None, "Expected an Airflow Variable nightjar_images, there is none"), ("{", "to be JSON"), ("{}", "missing key")],
)
def test_a_variable_that_is_missing_or_wrong_is_told(store: MemoryStore, value: str | None, message: str) -> None:
    answer = client(store, Variable(value)).get(HERE)
    assert answer.status_code == 200 and message in text_of(answer.text)


def test_a_database_that_does_not_answer_leaves_the_history(store: MemoryStore) -> None:
    run_by(store, ONE, "20261120T130500Z-a")
    variable = Variable()
    variable.fails = TryAgainError("Airflow's database does not answer: OperationalError")
    text = text_of(client(store, variable).get(HERE).text.replace("&#39;", "'"))
    assert "Airflow's database does not answer" in text and "20261120T130500Z-a" in text


def test_deployed_images_and_the_history_with_runs(store: MemoryStore) -> None:
    run_by(store, ONE, "first", 60)
    two = ONE.model_copy(update={"detect": "<2>"})
    bump = Bump(at=NOW - timedelta(minutes=30), by="erin", why="<b>cats</b>", before=value_of(ONE), after=value_of(two))
    Releases(store).announce(bump)
    run_by(store, two, "20261120T130500Z-b")
    html = client(store, Variable(ONE)).get(HERE).text
    text = text_of(html)
    assert "<b>cats" not in html and "&lt;b&gt;cats&lt;/b&gt;" in html
    assert "No run was pinned by these images yet" in text, "somebody has gone back since"
    assert html.index(bump.id) < html.index("First known")
    assert "dag_id=nightjar_live&amp;run_id=20261120T130500Z-b" in html
    assert f"nightjar release --back {bump.id}" in text


def test_an_edit_by_hand_names_who_it_was(store: MemoryStore) -> None:
    run_by(store, ONE, "first", 60)
    run_by(store, ONE.model_copy(update={"detect": "2"}), "second", 10)
    edits = [{"owner": "frank", "when": (NOW - timedelta(minutes=11)).isoformat()}]
    text = text_of(client(store, Variable(edits=edits)).get(HERE).text.replace("&#39;", "'"))
    assert "Edited by hand" in text and "by frank (Airflow's audit log)" in text


def test_older_bumps_are_a_link_away(store: MemoryStore) -> None:
    for number in range(25):
        value = value_of(ONE) | {"detect": str(number)}
        Releases(store).announce(
            Bump(at=NOW - timedelta(minutes=number), by="erin", why=f"number {number}", after=value)
        )
    here = client(store, Variable())
    html = here.get(HERE).text
    assert html.count('class="bump"') == 20 and 'href="?most=40"' in html
    assert here.get(HERE, params={"most": "40"}).text.count('class="bump"') == 25
    for wrong in ("0", "501", "x", "-1", "٣"):
        assert here.get(HERE, params={"most": wrong}).status_code == 400


@pytest.mark.parametrize(("act", "detect"), [("promote", "2-far"), ("drop", "1")])
def test_a_candidate_is_ended_and_it_is_written_down(store: MemoryStore, act: str, detect: str) -> None:
    variable = Variable(TRIED)
    here = client(store, variable)
    assert f'action="/nightjar-ui/releases/{act}"' in here.get(HERE).text
    answer = here.post(HERE + act, data={"why": "measured", "candidate": "2-far"})
    assert (answer.status_code, answer.headers["location"]) == (303, "./")
    images = parse_images(variable.value or "")
    assert (images.detect, images.detect_candidate) == (detect, None)
    [bump] = Releases(store).bumps(5)
    assert (bump.kind, bump.by, bump.why, bump.at) == (BumpKind(act), "ui:olga", "measured", NOW)
    [line] = here.audit_lines
    assert (line.event, line.person, line.extra["bump"]) == (f"nightjar.{act}", "olga", bump.id)
    assert "by olga" in text_of(here.get(HERE).text)


@pytest.mark.parametrize(
    ("value", "data", "status", "message"),
    [
        (TRIED, {"candidate": "2-far"}, 400, "says why"),
        (TRIED, {"candidate": "2-far", "why": "a\nb"}, 400, "says why"),
        (TRIED, {"candidate": "1-near", "why": "x"}, 400, "Expected the candidate to be 2-far, the page was about"),
        (TRIED, {"why": "x"}, 400, "the page was about"),
        (ONE, {"candidate": "2-far", "why": "x"}, 400, "Expected a candidate detector"),
        (None, {"candidate": "2-far", "why": "x"}, 400, "there is none"),
    ],
)
@pytest.mark.parametrize("act", ["promote", "drop"])
def test_a_wrong_end_changes_nothing(
    store: MemoryStore, act: str, value: Images | None, data: dict[str, str], status: int, message: str
) -> None:
    variable = Variable(value)
    before = variable.value
    here = client(store, variable)
    answer = here.post(HERE + act, data=data)
    assert answer.status_code == status and message in text_of(answer.text)
    assert variable.value == before and Releases(store).bumps(5) == [] and here.audit_lines == []


def test_when_airflow_does_not_answer_nothing_is_written_down(store: MemoryStore) -> None:
    variable = Variable(TRIED)
    variable.fails = TryAgainError("Airflow's database does not answer: OperationalError")
    answer = client(store, variable).post(HERE + "drop", data={"why": "x", "candidate": "2-far"})
    assert answer.status_code == 503 and Releases(store).bumps(5) == []


def test_the_comparison_of_a_candidate_is_shown_with_pictures_side_by_side(store: MemoryStore) -> None:
    here = client(store, Variable(TRIED))
    assert "Nothing is compared yet" in text_of(here.get(HERE).text)
    picture = Picture(
        user="alice",
        device="porch",
        taken_at=NOW,
        footage_key="footage/a.jpg",
        footage_version="1",
        standard_key="standard/2026/11/20/13/alice-porch/1763643900000.jpg",
        standard_sha256="0",
        width=400,
        height=300,
    )
    person = DetectedObject(label="person", probability=0.9, box=(0.1, 0.1, 0.4, 0.8))
    lost = Example(kind="alerts", change="lost", picture=picture, label="<person>", probability=0.9, before=(person,))
    comparison = Comparison(
        before=SideRef(detector="a", tag="1"),
        after=SideRef(detector="b", tag="2-far"),
        start=NOW,
        end=NOW,
        pictures=7,
        cameras=1,
        totals={"alerts": Tally(before=3, after=2, lost=1)},
        unseen=("dog",),
        examples=(lost,),
    )
    Comparisons(store).put("c1", comparison)
    Candidates(store).note(CandidateRecord(tag="2-far", since=NOW, comparison="c1"))
    html = here.get(HERE).text
    text = text_of(html)
    assert "2 alerts instead of 3: 0 gained, 1 lost" in text and "alerts lost" in text
    assert "The candidate cannot see dog, which rules name." in text
    assert "<person>" not in html and "&lt;person&gt;" in html
    assert html.count('alt="As the') == 2 and html.count('class="line"') == 1, "a box on the deployed side alone"
    store.put("comparisons/c1/comparison.json", b"{")
    assert "The comparison cannot be read" in text_of(here.get(HERE).text)


def test_who_may_only_look_sees_no_buttons_and_is_refused(store: MemoryStore) -> None:
    variable = Variable(TRIED)
    here = client(store, variable, person=VIEWER)
    html = here.get(HERE).text
    assert "2-far" in html and "/promote" not in html and "/drop" not in html
    assert here.post(HERE + "promote", data={"why": "x", "candidate": "2-far"}).status_code == 403
    assert parse_images(variable.value or "") == TRIED


def test_the_variable_in_airflows_database(tmp_path: Any) -> None:
    """The queries, in an SQLite of the models' own tables."""
    from airflow.models import Log
    from airflow.models.variable import Variable as Model
    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    engine = create_engine(f"sqlite:///{tmp_path}/airflow.db")
    for model in (Model, Log):
        model.__table__.create(engine)

    class Committing:
        def __enter__(self) -> Session:
            self.session = Session(engine)
            return self.session

        def __exit__(self, *_: object) -> None:
            self.session.commit()
            self.session.close()

    variable = AirflowVariable(Committing)
    assert variable.get() is None and variable.edits() == []
    with Committing() as session:
        session.add(Log("patch_variable", None, "frank", "frank", '{"key": "nightjar_images"}'))
        session.add(Log("patch_variable", None, "grace", "grace", '{"key": "another"}'))
    assert [each["owner"] for each in variable.edits()] == ["frank"]
    engine.dispose()
