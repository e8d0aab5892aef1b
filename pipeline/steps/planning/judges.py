"""What judges would be asked about the answers to come, by earlier verdicts of the same scorer where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pipeline.core.records import Request
from pipeline.core.tokens import estimate_request_tokens
from pipeline.plan.expand import Lane
from pipeline.run.permits import max_output_tokens
from pipeline.score.judge import Judge
from pipeline.stats.predict import NOTHING, Range, predict_sum
from pipeline.steps.judging.mistakes import Bench, bench, judge_lanes, sample_requests
from pipeline.steps.judging.units import judge_folder
from pipeline.steps.plan import SAMPLED_JUDGMENTS, questions
from pipeline.steps.planning.drafts import Draft, Expected, Setting, timed
from pipeline.steps.planning.evidence import Evidence
from pipeline.steps.planning.history import Seen, read_judgments
from pipeline.steps.planning.look import Part, is_dense
from pipeline.steps.planning.money import NO_DOLLARS, Use, predict_usd
from pipeline.steps.planning.pace import Load
from pipeline.steps.planning.usage import UNCALIBRATED


def expect_judges(setting: Setting, models: Sequence[Expected]) -> dict[tuple[str, str], Expected]:
    """Every judge of every scorer; recorded ones, which nothing is sent to, are left out."""
    ready: Bench = bench(setting.prepared)
    lanes = iter(judge_lanes(setting.prepared, ready))
    found: dict[tuple[str, str], Expected] = {}
    for judge, members in ready.judges:
        mine = [next(lanes)[0] for _ in members]
        seen = read_judgments(setting.home, str(judge_folder(setting.home, judge.name).relative_to(setting.home)))
        drafts = {
            lane.model.name: _draft(setting, judge, lane, seen, models) for lane in mine if lane.model.recorded is None
        }
        found |= {(judge.name, name): one for name, one in timed(setting.prepared, drafts).items()}
    return found


def _draft(setting: Setting, judge: Judge, lane: Lane, seen: Sequence[Seen], models: Sequence[Expected]) -> Draft:
    mine = tuple(
        one for one in seen if (one.asked.provider, one.asked.model) == (lane.model.provider, lane.model.model)
    )
    evidence = Evidence(seen=mine, factor=1.0, other="") if any(len(one.output) > 1 for one in mine) else None
    jobs = _jobs(setting, judge, models, judged_before=evidence is not None)
    count = round(jobs.likely or 0.0)
    part = Part(lane, judge.name, lane.cells[0])
    part.tokens = [
        estimate_request_tokens(replace(request, params=lane.cells[0].params), dense=is_dense(lane))
        for request in _samples(setting, judge)
    ]
    part.rows = list(range(len(part.tokens)))
    sent, made = _input(evidence, part, judge, models, jobs), _output(evidence, part, jobs)
    use = None if made is None else Use(jobs=count, input=sent, output=made, per_estimated=1.0)
    usd = NO_DOLLARS if not count else None if use is None else predict_usd(part, setting.today, use, evidence)
    words = f"{sum(len(one.output) for one in mine):,} earlier verdicts" if evidence else "no earlier verdicts"
    busy = _of(evidence, jobs, "busy_seconds")
    return Draft(
        lane=lane, jobs=jobs, reused=NOTHING, input=sent, output=made, usd=usd, basis=(f"judge: {words}",),
        load=Load(
            jobs=count, requests=float(count), input=sent, output=made, busy_seconds=busy,
            spans=np.zeros(0) if evidence is None else evidence.of_jobs(lambda one: one.span_seconds),
            refused_pace=None,
        ),
    )  # fmt: skip


def _jobs(setting: Setting, judge: Judge, models: Sequence[Expected], *, judged_before: bool) -> Range:
    """Questions: about new answers surely, about reused ones unless they were judged where they come from."""
    every = questions(setting.prepared, judge)
    new = sum(one.jobs.likely or 0.0 for one in models)
    old = sum(one.reused.likely or 0.0 for one in models)
    share = new / (new + old) if new + old else 0.0
    least = float(round(every * share))
    return Range(least, least if judged_before else float(every), float(every))


def _samples(setting: Setting, judge: Judge) -> list[Request]:
    return sample_requests(setting.prepared, judge, SAMPLED_JUDGMENTS)


def _input(evidence: Evidence | None, part: Part, judge: Judge, models: Sequence[Expected], jobs: Range) -> Range:
    found = _of(evidence, jobs, "input")
    if found is not None:
        return found
    rubric = sum(part.tokens) / max(1, len(part.tokens))
    shown = 2 if judge.is_pairwise else 1
    lengths = [_length(one) for one in models if one.output is not None]
    low, high = (min((one.low for one in lengths), default=0.0), max((one.high for one in lengths), default=0.0))
    less, more = UNCALIBRATED
    return Range(
        jobs.low * (rubric + shown * low) * less,
        (jobs.likely or 0.0) * (rubric + shown * (low + high) / 2),
        jobs.high * (rubric + shown * high) * more,
    )


def _length(one: Expected) -> Range:
    """Of one answer, on average."""
    jobs = max(1.0, one.jobs.likely or 1.0)
    return NOTHING if one.output is None else one.output.times(1 / jobs)


def _output(evidence: Evidence | None, part: Part, jobs: Range) -> Range | None:
    most = max_output_tokens(part.cell.params)
    found = _of(evidence, jobs, "output")
    if found is not None:
        return found.within(0.0, float("inf") if most is None else most * jobs.high)
    return None if most is None else Range(jobs.low, None, jobs.high * most)


def _of(evidence: Evidence | None, jobs: Range, name: str) -> Range | None:
    """The sum of a quantity over the questions to come, each like an earlier one."""
    count = round(jobs.likely or 0.0)
    if not count:
        return NOTHING
    if evidence is None:
        return None
    found = predict_sum(evidence.by_row(lambda one: getattr(one, name) * 1000.0), count)
    if found is None:
        return None
    one = found.times(0.001)
    return Range(max(0.0, one.low) * jobs.low / count, one.likely, one.high * jobs.high / count)
