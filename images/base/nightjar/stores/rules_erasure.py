"""Forgetting a user in the rules: the entry goes out of every text that is kept, and old versions with it go.

The rules that a run was pinned to are named by the SHA-256 of the whole text. The text without the user stands at the
same key, and says in its metadata (`forgotten-from`) that it was the one with that SHA-256.
"""

import hashlib

from nightjar.domain.forgetting import Subject
from nightjar.runtime.rules_without import addresses_of, devices_of, names_user, without_user
from nightjar.runtime.store import ObjectMissingError, ObjectStore
from nightjar.stores.rules import CHECKED_KEY, LAST_GOOD_RULES_KEY, RULES_KEY, USED_RULES
from nightjar.stores.rules_redacted import FROM
from nightjar.stores.shared_documents import Scrubbed, left_of, rewrite, scrub


def known_of(store: ObjectStore, subject: Subject) -> Subject:
    """`subject` with the devices and addresses that the rules know of the user, as they are now."""
    try:
        text, _ = store.get(RULES_KEY)
    except ObjectMissingError:
        return subject
    return subject.knowing(devices_of(text, subject.user), addresses_of(text, subject.user))


def rules_name(store: ObjectStore, subject: Subject) -> bool:
    """Whether the rules that people put have an entry of the user, or of the camera."""
    try:
        text, _ = store.get(RULES_KEY)
    except ObjectMissingError:
        return False
    if subject.device is not None:
        return subject.device in devices_of(text, subject.user)
    return names_user(text, subject.user)


def erase_from_rules(store: ObjectStore, subject: Subject) -> Scrubbed:
    """Take a user out of the rules as people put them, the last good ones, and all that runs have used.

    Of one camera nothing is taken out: its entry says how its user wants it. Raises InputError for a text from which
    the user cannot be taken; it names no other text.
    """
    if subject.device is not None:
        return Scrubbed()
    done = Scrubbed()
    for prefix in (RULES_KEY, LAST_GOOD_RULES_KEY, CHECKED_KEY):
        done += scrub(store, prefix, subject, _left)
    return done + _erase_used(store, subject)


def _left(subject: Subject, key: str, data: bytes) -> bytes | None:
    return without_user(data, subject.user) if key.endswith(".yaml") else left_of(subject, key, data)


def _erase_used(store: ObjectStore, subject: Subject) -> Scrubbed:
    done = Scrubbed()
    for version in list(store.list_versions(USED_RULES)):
        if version.is_delete_marker or not version.key.endswith(".yaml"):
            continue
        try:
            data, info = store.get(version.key, version.version_id)
        except ObjectMissingError:
            continue
        left = without_user(data, subject.user)
        if left == data:
            continue
        if version.is_latest:
            first = info.metadata.get(FROM) or hashlib.sha256(data).hexdigest()
            rewrite(store, info, left, {FROM: first})
            done += Scrubbed(rewritten=1)
        else:
            store.delete(version.key, version.version_id)
            done += Scrubbed(removed=1)
    return done
