"""English words to stems: Porter's algorithm in the variant of NLTK, which is what rouge-score stems with.

Porter 1980, "An algorithm for suffix stripping", Program 14(3); steps and rules are named as there. NLTK's variant
keeps a few irregular forms, and treats short words in -ies, -ied and -y better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache

_IRREGULAR = {
    "skies": "sky", "sky": "sky", "dying": "die", "lying": "lie", "tying": "tie", "news": "news",
    "innings": "inning", "inning": "inning", "outings": "outing", "outing": "outing", "cannings": "canning",
    "canning": "canning", "howe": "howe", "proceed": "proceed", "exceed": "exceed", "succeed": "succeed",
}  # fmt: skip
_STEP_2 = (
    ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("bli", "ble"),
    ("alli", "al"), ("entli", "ent"), ("eli", "e"), ("ousli", "ous"), ("ization", "ize"), ("ation", "ate"),
    ("ator", "ate"), ("alism", "al"), ("iveness", "ive"), ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"),
    ("iviti", "ive"), ("biliti", "ble"), ("fulli", "ful"),
)  # fmt: skip
_STEP_3 = (
    ("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", ""),
)  # fmt: skip
_STEP_4 = (
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti",
    "ous", "ive", "ize",
)  # fmt: skip


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The stem of a word in lower case; other scripts have none of the suffixes and stay as they are."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) <= 2:
        return word
    for step in (_plural, _past, _final_y, _double_suffix, _suffix, _last_suffix, _final_e, _double_l):
        word = step(word)
    return word


def _plural(word: str) -> str:
    """Step 1a."""
    if word.endswith("ies"):
        return word[:-1] if len(word) == 4 else word[:-2]
    if word.endswith("sses"):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _past(word: str) -> str:
    """Step 1b."""
    if word.endswith("ied"):
        return word[:-1] if len(word) == 4 else word[:-2]
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    for suffix in ("ed", "ing"):
        bare = word.removesuffix(suffix)
        if bare != word and _has_vowel(bare):
            return _restored(bare)
    return word


def _restored(bare: str) -> str:
    if bare.endswith(("at", "bl", "iz")):
        return bare + "e"
    if _ends_in_double_consonant(bare):
        return bare if bare[-1] in "lsz" else bare[:-1]
    return bare + "e" if _measure(bare) == 1 and _ends_cvc(bare) else bare


def _final_y(word: str) -> str:
    """Step 1c."""
    bare = word.removesuffix("y")
    return f"{bare}i" if len(word) > len(bare) > 1 and _shape(bare)[-1] == "c" else word


def _double_suffix(word: str) -> str:
    """Step 2."""
    if word.endswith("alli") and _measure(word[:-4]) > 0:
        return _double_suffix(word[:-2])
    if word.endswith("logi") and not word.endswith(tuple(suffix for suffix, _ in _STEP_2)):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    return _replaced(word, _STEP_2, lambda bare: _measure(bare) > 0)


def _suffix(word: str) -> str:
    """Step 3."""
    return _replaced(word, _STEP_3, lambda bare: _measure(bare) > 0)


def _last_suffix(word: str) -> str:
    """Step 4."""
    rules = ((suffix, "") for suffix in _STEP_4)
    return _replaced(word, rules, lambda bare: _measure(bare) > 1 and (not word.endswith("ion") or bare[-1] in "st"))


def _final_e(word: str) -> str:
    """Step 5a."""
    bare = word.removesuffix("e")
    if bare == word:
        return word
    measure = _measure(bare)
    return bare if measure > 1 or (measure == 1 and not _ends_cvc(bare)) else word


def _double_l(word: str) -> str:
    """Step 5b."""
    return word[:-1] if word.endswith("ll") and _measure(word[:-1]) > 1 else word


def _replaced(word: str, rules: Iterable[tuple[str, str]], holds: Callable[[str], bool]) -> str:
    """The first rule whose suffix fits decides, whether its condition holds or not."""
    for suffix, replacement in rules:
        if word.endswith(suffix):
            bare = word[: -len(suffix)]
            return bare + replacement if holds(bare) else word
    return word


def _shape(word: str) -> str:
    """Consonants as c and vowels as v; y is a vowel after a consonant."""
    shape = ""
    for letter in word:
        is_vowel = letter in "aeiou" or (letter == "y" and shape.endswith("c"))
        shape += "v" if is_vowel else "c"
    return shape


def _measure(bare: str) -> int:
    return _shape(bare).count("vc")


def _has_vowel(bare: str) -> bool:
    return "v" in _shape(bare)


def _ends_in_double_consonant(bare: str) -> bool:
    return len(bare) >= 2 and bare[-1] == bare[-2] and _shape(bare)[-1] == "c"


def _ends_cvc(bare: str) -> bool:
    shape = _shape(bare)
    return (shape.endswith("cvc") and bare[-1] not in "wxy") or shape == "vc"
