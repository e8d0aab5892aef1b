"""Self-preference: judges that are asked about answers of their own kind (Panickssery et al. 2024)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.core.settings import ModelSettings

_SIMULATED = "sim-"
"""The simulator's own models: inventions without kin."""
_FAMILY = re.compile(r"^[a-z]+")
_ALIASES = {"chatgpt": "gpt", "o": "gpt", "text": "gpt"}


def family(model: ModelSettings) -> str | None:
    """The family of a model by its id, whatever gateway spells it: claude, gpt, qwen; None where there is none."""
    if model.provider == "recorded" or model.model.startswith(_SIMULATED):
        return None
    found = _FAMILY.match(model.model.lower().rpartition("/")[2])
    return None if found is None else _ALIASES.get(found[0], found[0])


def _bare(model: ModelSettings) -> str:
    return model.model.lower().rpartition("/")[2]


def kin(judges: Sequence[ModelSettings], models: Sequence[ModelSettings]) -> list[dict[str, str]]:
    """Pairs of a judge and a model under evaluation of the same family: `{judge, model, relation}`."""
    found = []
    for judge in judges:
        for model in models:
            is_same = judge.provider != "recorded" and _bare(judge) == _bare(model)
            if not is_same and (family(judge) is None or family(judge) != family(model)):
                continue
            found.append(
                {"judge": judge.name, "model": model.name, "relation": "same model" if is_same else "same family"}
            )
    return found


def kin_warnings(judges: Sequence[ModelSettings], models: Sequence[ModelSettings]) -> list[str]:
    """The same in words, one sentence for each judge."""
    said = []
    for judge in judges:
        mine = kin([judge], models)
        if mine:
            own = [entry["model"] for entry in mine if entry["relation"] == "same model"]
            what = "is the model that it judges" if own else "is of the family of what it judges"
            names = ", ".join(repr(name) for name in own or [entry["model"] for entry in mine])
            said.append(f"judge {judge.name!r} {what} ({names}); models tend to prefer answers of their own kind")
    return said
