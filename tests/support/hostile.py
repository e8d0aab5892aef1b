"""Runs in which every text that somebody else writes is an attack: 26 vectors in each of 9 positions, told apart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.core.records import Result
from pipeline.store.folder import create_run, write_json_atomic
from pipeline.store.run_store import RunStore
from tests.support.store import result, store_all
from tests.support.stored import STORED, Score, table_of

POSITIONS = ("prompt", "output", "error", "stop", "model", "column", "file", "row", "reason")
MARKED = dict[str, dict[str, str]]
"""By position and by the vector's name: the vector, followed by what tells it apart from all others."""
_STATISTICS: dict[str, Any] = {
    "cluster": None, "correction": "CR1", "interval": "analytic", "test": "analytic", "adjust": "holm",
    "resamples": 100, "seed": 0, "macro": None, "k": [], "equivalence": [],
}  # fmt: skip
_SCORER: dict[str, Any] = {"name": "number", "pass_fail": True, "scale": "share"}


def marked(shared: Path) -> MARKED:
    """The vectors in their positions; Parquet and folders cannot hold a lone surrogate, nor folders NUL and slash."""
    listed = json.loads((shared / "vectors" / "xss.json").read_text(encoding="utf-8"))
    assert len(listed) == 26
    found = {
        position: {one["id"]: f"{_storable(one['text'])} ;{position} {one['id']};" for one in listed}
        for position in POSITIONS
    }
    found["file"] = {name: text.replace("\0", "").replace("/", "∕") for name, text in found["file"].items()}
    return found


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def shown(text: str) -> str:
    """How a page tells the text: what would be invisible or obeyed, as signs."""
    signs = {
        "\0": "␀", "\x9b": "⟨U+009B⟩", "\x07": "␇", "\r": "␍", "\x1b": "␛",
        **{sign: f"⟨U+{ord(sign):04X}⟩" for sign in "\u2028\u2029\u202e\u202c"},
    }  # fmt: skip
    return "".join(signs.get(sign, sign) for sign in text)


async def write_runs(top: Path, found: MARKED) -> None:
    """Two runs with the texts of answers and rows, two with names of models, and a folder for each name of a file."""
    for run in ("one", "two"):
        await _write_texts(top / "texts" / run, found, changed=run == "two")
        await _write_names(top / "names" / run, found["model"].values())
    for text in found["file"].values():
        await _write(top / "files" / text, [result(0)], ["sonnet"], dataset=f"/data/{text}")


async def _write_texts(folder: Path, found: MARKED, *, changed: bool) -> None:
    names = list(dict.fromkeys(name for place in ("row", "output", "error", "reason") for name in found[place]))
    of = {place: {name: found[place].get(name, f"plain {place} {name}") for name in names} for place in POSITIONS}
    made: list[Result] = []
    for number, name in enumerate(names):
        stop = "end_turn" if changed else of["stop"][name]
        text = of["output"][name] + (" changed" if changed else "")
        answered = result(number, row_id=of["row"][name], model="answering", shard="a/0", text=text,
                          thinking=text, tool_calls=text, stop_reason=stop, stop_reason_raw=stop)  # fmt: skip
        failed = result(100 + number, row_id=of["row"][name], model="failing", shard="b/0", text=None, status="error",
                        error_kind="request", error_message=of["error"][name], stop_reason=None, usage_source="missing",
                        input_tokens=None, output_tokens=None, cost_usd=None)  # fmt: skip
        failed = replace(failed, attempts=(replace(failed.attempts[0], error=of["error"][name], cost_usd=None),))
        made += [answered, failed]
    rows = {"row_id": list(of["row"].values()), "question": list(of["prompt"].values())}
    rows |= {column: ["ab"[number % 2] for number in range(len(names))] for column in found["column"].values()}
    reasons = dict(zip(of["row"].values(), of["reason"].values(), strict=True))
    await _write(
        folder, made, ["answering", "failing"], rows=rows, slices=list(found["column"].values()),
        marks=[_score(one, reasons[one.row_id], passed=changed) for one in made if one.status == "ok"],
    )  # fmt: skip


async def _write_names(folder: Path, models: Iterable[str]) -> None:
    names = list(models)
    made = [
        result(2 * number + row, row_id=f"r{row}", model=model, shard=f"{number}/0", model_requested=model,
               provider=model, model_served=model)
        for number, model in enumerate(names)
        for row in range(2)
    ]  # fmt: skip
    await _write(folder, made, names, marks=[_score(one, None, passed=one.row_id == "r0") for one in made])


def _score(one: Result, reason: str | None, *, passed: bool) -> Score:
    return Score(run_id=one.run_id, job_id=one.job_id, scorer="number", value=float(passed), passed=passed, label=None,
                 extracted=reason, expected=reason, explanation=reason, status="scored")  # fmt: skip


async def _write(
    folder: Path, made: Sequence[Result], models: Sequence[str], *, rows: dict[str, list[str]] | None = None,
    slices: Sequence[str] = (), marks: Sequence[Score] = (), dataset: str = "/data/rows.csv",
) -> None:  # fmt: skip
    """A finished run folder of these results, scored by one scorer."""
    run_id = f"{folder.parent.name}-{folder.name}"
    named = [{"name": one, "provider": one, "model": one, "params": {}, "identity": {}} for one in models]
    settings = {
        **STORED["settings"], "description": run_id, "models": named, "repeats": 1, "grid": {}, "scorers": [],
        "judges": [], "gates": [], "tags": [run_id], "run": {"budget_usd": None}, "dataset": {"id": "row_id"},
    }  # fmt: skip
    ids = list(dict.fromkeys(one.row_id for one in made))
    table = pa.table(rows or {"row_id": ids, "question": ids})
    run = {
        **STORED, "run_id": run_id, "eval": run_id, "settings": settings, "simulated": False,
        "dataset": {**STORED["dataset"], "path": dataset, "rows": table.num_rows}, "planned_jobs": len(made),
        "planned_jobs_by_model": {model: sum(one.model == model for one in made) for model in models},
    }  # fmt: skip
    folder.mkdir(parents=True)  # noqa: ASYNC240
    create_run(folder, run)
    with RunStore.open(folder) as store:
        store.put_rows("rows-000000000.parquet", table.schema, [table])
        await store_all(store, list(made), [], state="complete")
        found = {one.job_id: one for one in marks}
        for part in store.parts():
            jobs = pq.read_table(part, columns=["job_id"])["job_id"].to_pylist()
            store.put_scores(part.name, table_of([found[job] for job in jobs if job in found]))
    noted = {
        "scorers": [_SCORER],
        "gates": [],
        "statistics": {**_STATISTICS, "slices": list(slices)},
        "budget_usd": None,
    }
    write_json_atomic(folder / "scores" / "judged.json", noted)


def folders(top: Path) -> Iterator[Path]:
    """The run folders that `write_runs` made."""
    return (path.parent for path in sorted(top.rglob("run.json")))
