"""Reads back what was drawn."""

import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from finetable.reporting.figure import Figure

TextsOf = Callable[[Figure], list[str]]


@pytest.fixture
def texts_of() -> TextsOf:
    """Every text of a picture, line by line, without its title, its alternative text and tooltips."""

    def read(figure: Figure) -> list[str]:
        texts = ElementTree.fromstring(figure.svg).iter("{http://www.w3.org/2000/svg}text")
        return [line for text in texts for line in re.split(r"\n", "".join(text.itertext()))]

    return read
