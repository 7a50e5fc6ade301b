"""Fine-tune a GPT on your own table, on your own machine.

The verbs of the command line as functions, with the same words:

    from finetable import train, open_model
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from finetable.verbs import (
        bench,
        classify,
        compare,
        evaluate,
        generate,
        open_model,
        prepare,
        profile,
        report,
        train,
    )

__all__ = [
    "bench",
    "classify",
    "compare",
    "evaluate",
    "generate",
    "open_model",
    "prepare",
    "profile",
    "report",
    "train",
]


def __getattr__(name: str) -> Any:
    # Late, so that `finetable --help` answers without loading torch.
    if name in __all__:
        return getattr(import_module("finetable.verbs"), name)
    raise AttributeError(f"module 'finetable' has no attribute {name!r}")
