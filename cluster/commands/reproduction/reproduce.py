"""`automathes reproduce`: a paper from its first step to its table."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from cluster.config.run_config import ConfigError
from cluster.console.output import print_line
from cluster.reproduction.estimates import full_problems, loop_estimate, teacher_estimate
from cluster.reproduction.figures import gather
from cluster.reproduction.mario import MarioPaths, mario_stages
from cluster.reproduction.pipeline import run_stages
from cluster.reproduction.report import write_report
from cluster.reproduction.scales import SCALES, Scale, TeacherChoice, with_data, with_teacher
from cluster.reproduction.stage import Stage
from cluster.reproduction.wording import verdict


def reproduce(arguments: argparse.Namespace) -> int:
    """Run the stages that are not done, and write the report.

    Raises:
        ConfigError: an option is wrong, or another process is at work in the folder.
        StageFailedError: a command of a stage failed.
    """
    scale = SCALES[arguments.scale]
    folder = (arguments.out or Path("runs") / f"mario-{scale.name}").absolute()
    if arguments.dry_run:
        _print_plan(scale, mario_stages(scale, MarioPaths(folder)), arguments.teacher_price)
        return 0
    scale = with_teacher(with_data(scale, arguments.data), _teacher(arguments))
    stages = mario_stages(scale, MarioPaths(folder))
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        records = run_stages(stages, folder, _notify, arguments.first)
        found = gather(scale, stages, records)
        page = write_report(found, folder)
    print_line(verdict(found))
    print_line(f"report written to {page}")
    return 0


def _teacher(arguments: argparse.Namespace) -> TeacherChoice:
    written = arguments.demonstrations
    if written is not None and not written.is_file():
        raise ConfigError(f"--demonstrations {written}: there is no such file")
    return TeacherChoice(
        model=arguments.teacher_model,
        base_url=arguments.teacher_url,
        price=arguments.teacher_price,
        budget=arguments.budget,
        problems=arguments.problems,
        demonstrations=None if written is None else written.absolute(),
    )


def _print_plan(scale: Scale, stages: list[Stage], price: str) -> None:
    print_line(f"MARIO at the scale {scale.name}: {scale.about}")
    for stage in stages:
        minutes = "" if stage.estimate_minutes is None else f", about {stage.estimate_minutes:g} min on two cores"
        print_line(f"  {stage.name}: {stage.about}{minutes}")
    if scale.name != "full":
        return
    teacher = teacher_estimate(full_problems(), price)
    print_line(
        f"teacher: about {teacher.input_tokens / 1e6:,.0f} million tokens of prompts and "
        f"{teacher.output_tokens / 1e6:,.0f} million of answers for three attempts at each of {teacher.problems:,} "
        f"problems: ${teacher.dollars:,.0f} at --teacher-price {price}"
    )
    loop = loop_estimate(scale)
    print_line(
        f"training: {scale.iterations} iterations on eight H100, {loop.samplers} for samplers and {loop.ranks} for the "
        f"learner, take {loop.iteration_s * scale.iterations / 3600:.1f} h by simulation: "
        f"{loop.gpu_hours * scale.iterations:,.0f} GPU-hours (`automathes plan --simulate` has other GPUs)"
    )
    print_line("not in these: the warm start, the value model, and the attempts at the benchmarks")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w") as file:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"another process reproduces in {folder}") from None
        yield


def _notify(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
