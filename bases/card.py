"""The model card of a base, from what was counted and measured while it was made."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

HERE = Path(__file__).parent
MEANS_SOMETHING = "\\`*_{}[]<>#|"


def model_card(facts: Mapping[str, Any]) -> str:
    """The card in Markdown; `facts` are those that `judged.json` keeps."""
    pages = Environment(
        loader=FileSystemLoader(HERE), undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
    pages.filters["one_line"] = one_line
    seen = sum(source["seen_characters"] for source in facts["sources"])
    kinds = list(next(iter(facts["bits_per_byte"].values())))

    def cells(kind: str) -> str:
        return " | ".join(f"{found[kind]:.3f}" for found in facts["bits_per_byte"].values())

    return pages.get_template("card.md.j2").render(facts, seen=seen, kinds=kinds, cells=cells)


def one_line(text: str) -> str:
    """A text as Markdown shows it unchanged, but for its line breaks, which become spaces."""
    escaped = "".join(f"\\{letter}" if letter in MEANS_SOMETHING else letter for letter in text)
    return " ".join(escaped.split())
