"""Labels of detectors: the near ones of a label that a detector does not have, and several of a kind in words."""

from collections.abc import Collection, Iterable

from nightjar.domain.near import near_names

# Labels of COCO, as most models have them, with other words that people use, and animals that it has no label for: the
# label by which such a model knows them, if at all.
_OTHER_WORDS = {
    "person": ("human", "man", "men", "woman", "women", "child", "children", "pedestrian", "intruder", "somebody"),
    "bicycle": ("bike", "cyclist", "pushbike"),
    "motorcycle": ("motorbike", "moped", "scooter"),
    "car": ("auto", "automobile", "vehicle", "suv", "taxi", "van"),
    "truck": ("lorry", "van", "pickup", "vehicle"),
    "bus": ("coach", "vehicle"),
    "airplane": ("aeroplane", "plane", "aircraft"),
    "boat": ("ship", "vessel", "yacht"),
    "cat": ("kitten", "kitty", "raccoon", "fox", "lynx"),
    "dog": ("puppy", "hound", "raccoon", "fox", "wolf", "coyote"),
    "bear": ("raccoon", "badger"),
    "cow": ("cattle", "bull", "deer", "moose"),
    "horse": ("pony", "donkey", "deer"),
    "bird": ("pigeon", "crow", "duck", "chicken", "hen"),
    "couch": ("sofa",),
    "tv": ("television", "tvmonitor", "monitor", "screen"),
    "cell phone": ("mobile phone", "mobile", "phone", "smartphone"),
    "dining table": ("table", "diningtable"),
    "potted plant": ("plant", "pottedplant"),
    "backpack": ("rucksack", "bag"),
    "handbag": ("purse", "bag"),
    "suitcase": ("luggage", "bag"),
    "laptop": ("notebook", "computer"),
    "refrigerator": ("fridge",),
    "hair drier": ("hair dryer",),
    "donut": ("doughnut",),
}
_IRREGULAR = {
    "person": "people",
    "man": "men",
    "woman": "women",
    "child": "children",
    "mouse": "mice",
    "goose": "geese",
    "wolf": "wolves",
    "calf": "calves",
    "ox": "oxen",
    "knife": "knives",
}
# The same for one and for many, also where they end a label of several words.
_UNCHANGED = {"sheep", "deer", "fish", "moose", "elk", "bison", "swine", "aircraft", "skis", "scissors", "broccoli"}
_PAIRS = {"skis", "scissors"}  # always plural: `a pair of`
_SIBILANTS = ("s", "x", "z", "ch", "sh")


def near_labels(label: str, known: Collection[str]) -> list[str]:
    """Up to three of the `known` labels that a person may have meant by `label`, nearest first."""
    by_name = near_names(label, {each: (each, plural(each)) for each in known})
    return by_name or near_names(label, {each: _OTHER_WORDS[each] for each in known if each in _OTHER_WORDS})


def plural(label: str) -> str:
    """The word for several: people, buses, mice, sheep. Of a label of several words, the last changes."""
    before, space, word = label.rpartition(" ")
    return f"{before}{space}{_plural_of_word(word)}"


def counted(number: int, label: str) -> str:
    """`a dog`, `an umbrella`, `2 people`, `a pair of scissors`."""
    last = label.rpartition(" ")[2].casefold()
    if number != 1:
        pairs = "pairs of " if last in _PAIRS else ""
        return f"{number:,} {pairs}{plural(label)}"
    if last in _PAIRS:
        return f"a pair of {label}"
    return f"{'an' if label[:1].casefold() in 'aeio' or label.casefold().startswith('umb') else 'a'} {label}"


def _plural_of_word(word: str) -> str:
    lower = word.casefold()
    if lower in _UNCHANGED or not lower.isalpha():
        return word
    if lower in _IRREGULAR:
        return _IRREGULAR[lower] if word == lower else _IRREGULAR[lower].capitalize()
    if lower.endswith("y") and lower[-2:-1] not in ("", *"aeiou"):
        return f"{word[:-1]}ies"
    return f"{word}es" if lower.endswith(_SIBILANTS) else f"{word}s"


def listed(parts: Iterable[str], word: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`; of at least one part."""
    *first, last = parts
    return f"{', '.join(first)} {word} {last}" if first else last
