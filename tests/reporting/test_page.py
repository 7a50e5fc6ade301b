"""A page shows texts as they are and never runs or fetches anything of theirs."""

import re
import subprocess
import sys
from html.parser import HTMLParser

from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.reporting.marked import CopiedPair, Piece
from finetable.reporting.page import Grid, KeyFigure, Page, SampleSet, Section, render

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>&amp;"


class Reader(HTMLParser):
    """Which elements a page has, and the text in them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def page(text: str) -> Page:
    return Page(
        title=text,
        verdict=text,
        about=text,
        key_figures=[KeyFigure(text, text, text, text)],
        sections=[
            Section(
                "one",
                text,
                text,
                grids=[Grid(text, text, (text, "n"), [(text, "1")], frozenset({1}))],
                samples=[SampleSet(1200, ((text, 4),))],
                copies=[CopiedPair(5, (Piece(text, True),), (Piece(text, False),), 1234)],
                commands=[text],
            ),
            Section("nothing", "A heading over nothing"),
        ],
    )


def test_no_text_becomes_markup() -> None:
    html = render(page(EVIL))
    read = Reader(html)
    assert "script" not in read.tags
    assert "img" not in read.tags
    assert read.text.count(EVIL) >= 10
    assert not [name for name, _ in read.attributes if name.startswith("on")]


@settings(max_examples=25, deadline=None)
@given(text=st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30))
def test_any_text_comes_out_as_it_went_in(text: str) -> None:
    read = Reader(render(page(text)))
    assert read.text.count(text) >= 10


def test_the_page_asks_for_nothing_and_leaves_empty_sections_out() -> None:
    html = render(page("Plain"))
    assert not re.search(r"(?:src|href)=\"(?!#|data:,)", html)
    assert "default-src 'none'" in html
    assert "A heading over nothing" not in html
    assert html.index("<h1>Plain") < html.index("<nav") < html.index("<section")
    assert "After step 1,200" in html
    assert "line 1,234 of the table" in html


def test_a_page_without_word_clouds_says_how_to_get_them() -> None:
    without = (
        "import sys; sys.modules['wordcloud'] = None; "
        "from finetable.reporting.page import Page, render; "
        "from finetable.reporting.word_cloud import lay_out; "
        "assert lay_out({'sea': 1.0}, 300, 200) == []; "
        "print(render(Page('t', 'v', 'a', [], [])))"
    )
    done = subprocess.run([sys.executable, "-c", without], capture_output=True, text=True, check=True)
    assert "pip install 'finetable[clouds]'" in Reader(done.stdout).text
    assert "finetable[clouds]" not in Reader(render(page("t"))).text
