"""The result of one block of code."""

from dataclasses import dataclass
from enum import StrEnum

from sandbox.guest.text import cut_middle


class Status(StrEnum):
    """How a block ended. `sandbox_failure` is a failure of the sandbox, never held against the policy."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT_LIMIT = "output_limit"
    KILLED = "killed"
    SANDBOX_FAILURE = "sandbox_failure"


@dataclass(frozen=True, slots=True)
class Execution:
    """The result of running one block.

    `value` is the repr of its last expression as a notebook shows it, None if there was none. `error` is empty for
    `ok`; otherwise the traceback (frames of the block alone), which ends in the exception's last line, or one line such
    as `TimeoutError: ...` if the block was ended from outside. `seconds` is wall time, without the time in the queue.
    """

    status: Status
    stdout: str = ""
    stderr: str = ""
    value: str | None = None
    seconds: float = 0.0
    error: str = ""

    def shown(self, limit_chars: int) -> str:
        """The text that the model reads after the block: stdout, then the value, then the error's last line.

        stdout is cut in the middle so that the text is at most `limit_chars` long, not counting the note of how much
        was cut. The value and the error keep at least half of `limit_chars`.
        """
        ending = [part for part in (self.value, _last_line(self.error)) if part]
        tail = cut_middle("\n".join(ending), limit_chars if not self.stdout else max(limit_chars // 2, 1))
        head = cut_middle(self.stdout.rstrip("\n"), max(limit_chars - len(tail), 1))
        return "\n".join(part for part in (head, tail) if part)


def _last_line(error: str) -> str:
    lines = error.strip().splitlines()
    return lines[-1] if lines else ""
