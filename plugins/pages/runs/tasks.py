"""The tasks of Nightjar's DAGs in one sentence each, and which stage, if any, a task is. Pure."""

from nightjar.domain.stages import STAGES
from plugins.pages.runs.shard_rows import GROUP

DAGS = {
    "nightjar_watch": "Sees what landed and hands it over",
    "nightjar_live": "One batch, from footage to alerts",
    "nightjar_history": "One day, swept up and recorded",
    "nightjar_report": "The pages of days that have news",
    "nightjar_candidate": "A candidate detector beside the deployed one, and both compared",
    "nightjar_patrol": "Cameras in trouble, digests, and what else is due",
}
_DOES = {
    "wait_for_footage": "Waits until footage has landed and another live run may begin.",
    "collect": "Files what landed as one batch, and refuses what cannot be footage.",
    "hand_over": "Triggers the live run of the batch, and ends once that run has begun.",
    "cool_off": "Fails on purpose after another task failed, so that the next run begins a minute later.",
    "freeze_release": "Pins the run to a release: the image and settings of every stage, and the rules.",
    "rules_in_force": "Fails as a warning when newer rules are wrong and the run goes by the last good ones.",
    "select": "Makes the batch of the day: all footage that was filed for it.",
    "plan_shards": "Cuts the batch into shards: one camera each, unless packing or splitting balances the work.",
    "validate": "Decodes the footage, refuses what is broken, and passes on standard pictures.",
    "detect": "Looks for objects in each picture.",
    "assess": "Judges by the rules of each camera's user what was seen, and makes events.",
    "notify": "Alerts the people whom the rules name of the events that are due.",
    "reconcile": "Settles the account: every picture ends as detected, quarantined, duplicate or failed.",
    "record": "Writes the rows of the run into the warehouse.",
    "close_run": "Fails the run if a task failed, or if a shard changed after it was counted.",
    "report": "Makes the page of each day that has news.",
    "try_candidate": "Has a candidate look at the day as well, if the run was asked to: triggers nightjar_candidate.",
    "freeze_candidate": "Pins the run to the release that is deployed, with the candidate in place of its detector.",
    "gather": "Finds the pictures that the candidate has not seen, and cuts them into shards.",
    "compare": "Compares the candidate with what is deployed, by user and day, and adds it up.",
    "close_candidate": "Fails the run if the candidate did not get a shard done.",
    "look_for_watch": "Sees whether nightjar_watch looks for footage, and opens the operator's trouble if not.",
    "remove_old_pods": "Removes the pods of stages that failed long ago.",
    "survey": "Counts what live runs saw of each camera, and finds the cameras in trouble.",
    "give_inputs": "Finds what each shard of the run was worked from, and gives the shards that.",
    "pinned_again": "Takes up the release of the run that is reproduced: images, settings and rules.",
    "compare_with_run": "Compares what the shards gave with what the run left; its log has the answer.",
    "tell": "Sends notices of troubles, digests and closing messages that are due.",
}
# Of a manifest's counts and details, in words; anything else is shown as it is called.
WORDS = {
    "standard": "passed on",
    "detect_looked_at": "looked at",
    "detect_computed": "looked at",  # in release 0.2 and before
    "detect_known": "known before",
    "detect_interpolated": "interpolated",
    "detect_carried": "carried over",
    "footage": "footage objects",
    "reused": "validated before",
    "possibly_repeated": "possibly sent twice",
}


def stage_of(task_id: str) -> str | None:
    """The stage that a task is; None for one that is none."""
    name = task_id.removeprefix(GROUP)
    return name if name in STAGES else None


def does(task_id: str) -> str:
    """The work of a task, in a sentence; empty for one that a later release brought."""
    return _DOES.get(task_id.removeprefix(GROUP), "")
