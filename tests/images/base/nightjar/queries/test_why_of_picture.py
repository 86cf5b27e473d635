"""Why a picture did or did not alert, as data: objects by probability, rules of then and of now."""

import pytest

from nightjar.domain.names import Camera
from nightjar.domain.rules import Safe
from nightjar.errors import InputError
from nightjar.queries.why import why_of_picture
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.rules import RulesStore
from tests.bucket import PORCH
from tests.images.base.nightjar.cli.trials import BOX, IN_FORCE, MAKER, an_event, at, leave, seen, two_days


@pytest.mark.parametrize(
    ("then", "now", "reasons", "same"),
    [
        (None, None, [], False),
        (None, IN_FORCE, [[None]], False),
        (IN_FORCE, IN_FORCE, [[None]], True),
        (IN_FORCE, IN_FORCE.replace("60%", "99%"), [[None], [Safe.BELOW_PROBABILITY]], False),
        (IN_FORCE, IN_FORCE.replace("porch", "attic"), [[None], []], False),
    ],
)
def test_rules_of_then_and_of_now(
    then: str | None, now: str | None, reasons: list[list[Safe | None]], same: bool
) -> None:
    store = MemoryStore()
    rules = RulesStore(store)
    two_days(store)
    event = an_event()
    if then:
        rules.put(then.encode())
        event = an_event(rules_sha256=rules.freeze().sha256)
    if now:
        rules.put(now.encode())
    why = why_of_picture(store, PORCH, at("12:00"), [event], MAKER)
    assert [list(judged.reasons) for judged in why.judged] == reasons
    assert why.same_in_force is same
    if now and "porch" not in now:
        assert why.judged[-1].local is None


def test_conditions_have_numbers_and_many_objects_are_cut() -> None:
    store = MemoryStore()
    crowd = [("person", 0.61 + n / 100, (n / 100, 0.1, n / 100 + 0.3, 0.9)) for n in range(25)]
    leave(store, [seen(store, PORCH, at("08:00"), *crowd, ("dog", 0.2, BOX))])
    RulesStore(store).put(IN_FORCE.encode())
    [judged] = why_of_picture(store, PORCH, at("08:00"), [], MAKER).judged
    assert (len(judged.objects), judged.left_out, len(judged.reasons)) == (20, 6, 26)
    [verdict] = judged.objects[0].verdicts
    steps = {step.condition: (step.asked, step.seen, step.reason) for step in verdict.steps if step.reached}
    assert steps["probability"] == ("at least 60 %", "85 %", None)
    assert judged.local is not None and judged.local.hour == 9  # by the user's clock


@pytest.mark.parametrize(("camera", "clock"), [(PORCH, "12:01"), (Camera("nobody", "nowhere"), "12:00")])
def test_a_picture_that_was_never_seen(camera: Camera, clock: str) -> None:
    store = MemoryStore()
    two_days(store)
    with pytest.raises(InputError, match="expected a picture of"):
        why_of_picture(store, camera, at(clock), [], MAKER)
