"""The model card: README.md of a model folder, in the hub's metadata format."""

import json
from html import escape
from pathlib import Path
from typing import Any

import yaml

from finetable.model_folder import Record
from finetable.models.base_model import SEPARATOR
from finetable.reporting.summary import summary
from finetable.settings import TaskName
from finetable.wording import printable

PICTURES: dict[TaskName, dict[str, str]] = {
    "write": {
        "training-loss": "How the loss fell",
        "copied-words": "The longest run of words that written and real texts share with a training text",
    },
    "label": {
        "training-loss": "How the loss fell",
        "confusion": "What is taken for what",
        "calibration": "Whether a probability can be trusted",
    },
}
"""Figures of the report, by name, that the card shows."""

METRICS: dict[TaskName, dict[str, str]] = {
    "write": {
        "bits_per_byte": "Bits per byte",
        "perplexity": "Perplexity",
        "copied_share": "Share of written rows that copy",
    },
    "label": {"accuracy": "Accuracy", "macro_f1": "Macro-F1", "calibration_error": "Calibration error"},
}


def model_card(record: Record) -> str:
    """What the model is, how good it is, and how to use it with and without finetable."""
    task = record.recipe.task
    verb = "writes the column" if task.name == "write" else "labels rows with"
    given = f", given {', '.join(task.given)}" if task.given else ""
    splits = record.splits
    return f"""---
{_metadata(record)}---

# A model that {verb} “{escape(printable(task.target))}”{escape(printable(given)) if given else ""}

Trained by [finetable](https://pypi.org/project/finetable/) on {splits["train"]:,} rows of
`{_code(record.table_name)}` from the base `{_code(record.recipe.base.base)}`; it has
{record.parameters:,} parameters.{_base(record)}

## How good it is

```
{chr(10).join(summary(record.figures))}
```

Figures are from {splits["test"]:,} test rows that were frozen before training; equal and nearly equal
texts never stand on two sides. Brackets are 95 % intervals. The whole report is in `report.html`.

{_pictures(record)}
{_use(record)}"""


def _base(record: Record) -> str:
    if record.recipe.base.source != "shipped":
        return ""
    return " What the base read, and under which licences, is in [BASE.md](BASE.md)."


def _use(record: Record) -> str:
    return f"""
## Use it

```
{_command(record)}
```

Without finetable, any program that opens Hugging Face folders can run it. {_prompt(record)}

The folder `finetable/` holds the rows it was trained and judged on, and `report.html` quotes some. Leave both
out when you share the model with people who may not see them; `finetable generate` needs the folder.

## The recipe

```json
{json.dumps(record.recipe.flat(), indent=2, ensure_ascii=False)}
```
"""


def _code(text: str) -> str:
    """A text that can stand between backticks."""
    return printable(text).replace("`", "'")


def _pictures(record: Record) -> str:
    shown = PICTURES[record.recipe.task.name]
    return "\n\n".join(f"![{title}](finetable/pictures/{name}.svg)" for name, title in shown.items())


def _metadata(record: Record) -> str:
    metadata: dict[str, Any] = {
        "library_name": "transformers",
        # Also of a labeller: a text-classification pipeline would put a head of random weights on it.
        "pipeline_tag": "text-generation",
        "tags": ["finetable"],
    }
    if record.recipe.base.source == "pretrained" and not Path(record.recipe.base.base).exists():
        metadata["base_model"] = record.recipe.base.base
    metadata["model-index"] = [_results(record)]
    return str(yaml.safe_dump(metadata, allow_unicode=True, sort_keys=False))


def _results(record: Record) -> dict[str, Any]:
    """The key figures, as the hub's model-index wants them."""
    measured = [
        {"type": key, "name": name, "value": record.figures[key]}
        for key, name in METRICS[record.recipe.task.name].items()
    ]
    table = Path(record.table_name).name
    result = {
        "task": {"type": "text-generation" if record.recipe.task.name == "write" else "text-classification"},
        "dataset": {"name": f"{table}, rows set aside for testing", "type": table},
        "metrics": measured,
    }
    return {"name": f"{record.recipe.task.name} {record.recipe.task.target}", "results": [result]}


def _command(record: Record) -> str:
    if record.recipe.task.name == "write":
        return "finetable generate FOLDER -n 20 --out new.csv"
    return "finetable classify FOLDER table.csv --out labelled.csv"


def _prompt(record: Record) -> str:
    given: tuple[str, ...] = record.recipe.task.given
    if not given:
        return "A text begins right after the start token and stops at the end token."
    names = [_code(name) for name in given]
    shown = f"{{{names[0]}}}" if len(names) == 1 else "\\n".join(f"{name}: {{{name}}}" for name in names)
    return (
        f"Its prompt is the start token, then `{shown}`, then `{SEPARATOR}`; "
        f"the answer stops at the end token."
    )
