"""The command line as a program: faults become one sentence and an exit code."""

import os
import sys

from cyclopts import CycloptsError
from pydantic import ValidationError

from finetable.cli import app
from finetable.cli_options import terminal
from finetable.errors import UserError
from finetable.exit_codes import DONE, INTERRUPTED, MENDABLE, USAGE
from finetable.recipe_file import with_recipe_file
from finetable.wrong_values import wrong_value

QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}

# Arrow's own pool keeps what a table no longer needs; it reads this once, when it is loaded.
SPARING = {"ARROW_DEFAULT_MEMORY_POOL": "system"}

# Threads that wait give way soon: beside other programs training is twice as fast, and alone as fast.
SHARING = {"GOMP_SPINCOUNT": "20000"}


def main() -> None:
    """Run the command line and exit: 0 done, 1 the person can mend it, 2 usage, 130 interrupted."""
    for name, value in (QUIET | SPARING | SHARING).items():
        os.environ.setdefault(name, value)
    sys.exit(run(sys.argv[1:]))


def run(words: list[str]) -> int:
    """The exit code of a command line."""
    try:
        code = app(
            with_recipe_file(words), exit_on_error=False, print_error=False, result_action="return_value"
        )
        return code if isinstance(code, int) else DONE
    except UserError as fault:
        terminal.fail(str(fault))
        return MENDABLE
    except CycloptsError as fault:
        terminal.fail(_usage(fault))
        return USAGE
    except KeyboardInterrupt:
        again = "the same command starts again, or goes on where training was saved"
        terminal.warn(f"Stopped: {again if words[:1] == ['train'] else 'nothing was written'}.")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough; what Python would still flush must go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _usage(fault: CycloptsError) -> str:
    """A usage fault in one sentence, ours where pydantic found it."""
    cause = fault.__cause__
    if isinstance(cause, ValidationError):
        return wrong_value(cause)
    return str(fault)


if __name__ == "__main__":
    main()
