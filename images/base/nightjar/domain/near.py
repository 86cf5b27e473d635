"""Names near one that is not known, for "did you mean …"."""

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher

_LEAST = 0.75  # of 1 for the same letters; with less, names of other things come up
_MOST = 3
_LONGEST = 80  # characters of a name that are compared: its length comes from a person


def near_names(name: str, known: Mapping[str, Iterable[str]]) -> list[str]:
    """Up to three of `known` that people may have meant by `name`, nearest first.

    `known` has for each name the words by which people may call it. Upper and lower case, space, `_` and `-` are alike.
    """
    wanted = _plain(name)
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(wanted)
    scores: dict[str, float] = {}
    for each, words in known.items():
        for word in words:
            matcher.set_seq1(_plain(word))
            if matcher.real_quick_ratio() >= _LEAST and matcher.quick_ratio() >= _LEAST:
                scores[each] = max(matcher.ratio(), scores.get(each, 0.0))
    near = sorted((each for each, score in scores.items() if score >= _LEAST), key=lambda n: (-scores[n], len(n), n))
    if near and scores[near[0]] == 1.0:  # the same letters: nothing else was meant
        near = [each for each in near if scores[each] == 1.0]
    return near[:_MOST]


def _plain(name: str) -> str:
    return "".join(c for c in name[:_LONGEST].casefold() if c not in " _-")
