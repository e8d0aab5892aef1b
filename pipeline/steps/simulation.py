"""The simulator that an evaluation asks for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.settings import SimulatorSettings

if TYPE_CHECKING:
    from pipeline.simulator.options import Options


def simulator_options(settings: SimulatorSettings) -> Options:
    """What the [simulator] table asks for; raises DataError when its answers cannot be read."""
    from pipeline.simulator.answers import AnswerBook
    from pipeline.simulator.judging import Manners
    from pipeline.simulator.options import Options

    book = None
    if settings.answers is not None:
        book = AnswerBook.from_table(
            Path(settings.answers),
            question_column=settings.question_column,
            answer_column=settings.answer_column,
            model_column=settings.model_column,
            replay=settings.replay,
        )
    return Options(
        profile=settings.profile,
        seed=settings.seed,
        answers=book,
        error_rate=settings.error_rate,
        rate_limited=settings.rate_limited,
        judge=Manners(
            accuracy=settings.judge_accuracy, position_bias=settings.judge_position_bias, echo=settings.judge_echo
        ),
    )
