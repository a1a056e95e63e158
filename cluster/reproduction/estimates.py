"""What a reproduction costs: the teacher's tokens, and the GPUs of the loop by simulation."""

from dataclasses import dataclass
from decimal import Decimal

from cluster.config.loading import load_config
from cluster.reproduction.scales import Scale
from cluster.simulation.inputs.assumptions import read_assumptions
from cluster.simulation.inputs.hardware import gpu_kind
from cluster.simulation.inputs.planned import Planned
from cluster.simulation.search import Split, choose_split

ATTEMPTS = 3
PROMPT_TOKENS, ANSWER_TOKENS, REQUESTS = 1_100, 450, 2.3
"""Of an attempt: tokens of a prompt on average (instruction, examples, question, turns so far), tokens of all answers
together, and requests. Assumptions: a question of MATH with two or three blocks of code."""

_TRAINING_PROBLEMS = {"gsm8k": 7_473, "math": 7_500}
_HELD_OUT = 0.1
_GPUS = 8


@dataclass(frozen=True, slots=True)
class TeacherEstimate:
    """The tokens of a teacher, and what they cost in dollars at a price."""

    problems: int
    input_tokens: int
    output_tokens: int
    dollars: Decimal


def teacher_estimate(problems: int, price: str) -> TeacherEstimate:
    """Three attempts at each problem, at "INPUT,OUTPUT" dollars per million tokens."""
    prompt_price, _, answer_price = price.partition(",")
    attempts = problems * ATTEMPTS
    input_tokens, output_tokens = round(attempts * REQUESTS * PROMPT_TOKENS), attempts * ANSWER_TOKENS
    dollars = (input_tokens * Decimal(prompt_price) + output_tokens * Decimal(answer_price or prompt_price)) / 10**6
    return TeacherEstimate(problems, input_tokens, output_tokens, dollars)


def full_problems() -> int:
    """The problems of GSM8K and MATH that are trained on, without those held out."""
    return round(sum(_TRAINING_PROBLEMS.values()) * (1 - _HELD_OUT))


def loop_estimate(scale: Scale, gpu: str = "H100") -> Split:
    """The best division of eight GPUs into samplers and ranks, and its speed: by simulation."""
    overrides = [f"iteration.count={scale.iterations}"]
    planned = Planned(
        load_config(scale.preset, None, overrides), gpu_kind(gpu), read_assumptions(None), None, scale.iterations
    )
    return choose_split(planned, _GPUS)
