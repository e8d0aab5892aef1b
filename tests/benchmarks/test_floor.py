"""The floor sends the very bytes that evalmill sends."""

from pathlib import Path

from benchmarks.floor import body_of
from benchmarks.limits import copies
from benchmarks.support.workload import Setup, question, read_questions, write_evaluation, write_rows
from pipeline.config.load import Overrides
from pipeline.providers.formats import wire_format
from pipeline.steps.prepare import prepare


def test_bodies_are_equal(tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.parquet", 3)
    evaluation = write_evaluation(tmp_path / "eval", rows, Setup(base_url="http://127.0.0.1:9"))
    prepared = prepare(evaluation, Overrides())
    lane = prepared.plan.lanes[0]
    requests = prepared.plan.sample_requests(lane, 3)
    encode = wire_format(lane.provider.protocol).encode
    sent = [encode(request, lane.model.model, lane.provider) for request in requests]
    assert sent == [body_of(text) for _, text in read_questions(rows)]


def test_every_question_is_its_own() -> None:
    assert len({question(number) for number in range(1000)}) == 1000


def test_mixed_requests_let_both_limits_bind() -> None:
    sizes = [copies(number) for number in range(1000)]
    assert set(sizes) == {1, 3, 16}
    assert 2.0 < sum(sizes) / 1000 < 2.3
