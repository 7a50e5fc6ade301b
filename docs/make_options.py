"""Print docs/options.md from the settings: `python docs/make_options.py > docs/options.md`."""

import sys

from pydantic.fields import FieldInfo

from finetable.settings import Recipe, Settings, WatchSettings
from finetable.verb_settings import ClassifySettings, EvaluateSettings, GenerateSettings, ProfileSettings

VERBS: dict[str, tuple[type[Settings], ...]] = {
    "profile": (ProfileSettings,),
    "train": (Recipe, WatchSettings),
    "generate": (GenerateSettings,),
    "classify": (ClassifySettings,),
    "evaluate": (EvaluateSettings,),
}


def options_page() -> str:
    """Every option of every verb, with its default."""
    lines = ["# Options", "", "Made from the settings by `docs/make_options.py`.", ""]
    for verb, kinds in VERBS.items():
        lines += [f"## finetable {verb}", "", "| option | default | meaning |", "|---|---|---|"]
        for kind in kinds:
            lines += rows(kind)
        lines.append("")
    return "\n".join(lines)


def rows(kind: type[Settings]) -> list[str]:
    """A line of the table for each option, nested ones in their place."""
    lines = []
    for name, field in kind.model_fields.items():
        nested = field.annotation
        if isinstance(nested, type) and issubclass(nested, Settings):
            lines += rows(nested)
        else:
            lines.append(row(name, field))
    return lines


def row(name: str, field: FieldInfo) -> str:
    """One line: spelling, default, meaning."""
    spelled = f"`-{name}`" if len(name) == 1 else f"`--{name.replace('_', '-')}`"
    default = "" if field.default in (None, (), "") else f"{field.default}"
    return f"| {spelled} | {default} | {field.description} |"


if __name__ == "__main__":
    sys.stdout.write(options_page())
