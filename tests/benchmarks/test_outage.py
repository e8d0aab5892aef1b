"""When a client is back after an outage."""

from benchmarks.outage import Sent, first_answer_seconds, full_pace_seconds


def answers(start: float, stop: float, per_second: int) -> list[Sent]:
    count = int((stop - start) * per_second)
    return [Sent(at - 0.5, at, True) for at in (start + number / per_second for number in range(count))]


def test_the_first_answer_is_to_a_request_sent_after_the_end() -> None:
    attempts = [Sent(69.9, 70.4, True), Sent(70.2, 70.3, False), Sent(70.5, 71.0, True)]
    assert first_answer_seconds(attempts, 70) == 1.0
    assert first_answer_seconds(attempts[:2], 70) is None


def test_the_pace_is_back_when_a_second_brings_nearly_what_it_brought_before() -> None:
    attempts = answers(0, 10, 100) + answers(72, 75, 20) + answers(75, 80, 100)
    found = full_pace_seconds(attempts, 10, 70)
    assert found is not None
    assert 5.7 <= found <= 6.0


def test_a_pace_that_does_not_come_back_is_unknown() -> None:
    assert full_pace_seconds(answers(0, 10, 100) + answers(72, 80, 20), 10, 70) is None
