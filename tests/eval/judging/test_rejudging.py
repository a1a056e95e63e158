import pytest

from eval.judging.rejudging import rejudge
from store.records import Outcome
from store.runs.evaluations import SampledAnswer


class ByLength:
    """Answers are right if they are as long as the reference."""

    def __init__(self) -> None:
        self.judged: list[tuple[str, str]] = []

    async def is_right(self, reference: str, answer: str) -> bool:
        self.judged.append((reference, answer))
        return len(reference) == len(answer)


@pytest.mark.asyncio
async def test_only_attempts_with_an_answer_are_judged_again_each_pair_once() -> None:
    rule = ByLength()
    answers = {
        "p": [
            SampledAnswer(Outcome.ACCEPTED, "123"),
            SampledAnswer(Outcome.WRONG, "77"),
            SampledAnswer(Outcome.UNDECIDED, "77"),
            SampledAnswer(Outcome.NO_ANSWER, None),
            SampledAnswer(Outcome.TRUNCATED, "77"),
            SampledAnswer(Outcome.FAULT, None),
        ],
        "q": [SampledAnswer(Outcome.UNVERIFIABLE, "1")],
    }

    found = await rejudge(answers, {"p": "12", "q": "x\n1"}, rule)

    accepted, wrong = Outcome.ACCEPTED, Outcome.WRONG
    outcomes = [attempt.outcome for attempt in found["p"]]
    assert outcomes == [wrong, accepted, accepted, Outcome.NO_ANSWER, Outcome.TRUNCATED, Outcome.FAULT]
    assert [attempt.outcome for attempt in found["q"]] == [accepted]
    assert rule.judged.count(("12", "77")) == 1


@pytest.mark.asyncio
async def test_any_of_several_accepted_answers_is_right() -> None:
    answers = {"p": [SampledAnswer(Outcome.WRONG, "four")]}

    found = await rejudge(answers, {"p": "4\n1234"}, ByLength())

    assert found["p"][0].outcome is Outcome.ACCEPTED
