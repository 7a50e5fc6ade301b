"""The page in a real browser before a real server: all three views, on a wide and a narrow window."""

import csv
import io
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from finetable.serving.routes_server import STATIC
from finetable.verbs import train

from .browsing import WINDOWS, Open, browsing, visiting
from .running import RunningServer

RECIPE: dict[str, Any] = {
    "base": "scratch",
    "size": "tiny",
    "epochs": 8,
    "validations": 2,
    "batch_tokens": 512,
}
HOSTILE = "<img src=x onerror=alert(1)>"
MAKES_MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|\son\w+=\"|\sstyle=\""
)
NEW_SEED = re.compile(r"seed \d+ · \d+ tokens? · ")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as launched:
        yield launched


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with a separator, a quote and a line's end in its cells, and texts that would be markup."""
    file = tmp_path_factory.mktemp("table") / "films.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["title", "genre", "plot"])
        for n in range(90):
            who = ("a thief", 'a "nurse"', "two, or three\nfriends")[n % 3]
            title = HOSTILE if n == 0 else f"Film {n}"
            writer.writerow([title, ("crime", "love")[n % 2], f"There {who} walks to {n} and {n * 7}"])
    return file


@pytest.fixture(scope="module")
def address(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with a writer and a labeller."""
    made = tmp_path_factory.mktemp("models")
    train(table, out=made / "writer", write="plot", given="title,genre", **RECIPE)
    train(table, out=made / "labeller", label="genre", given="plot", **RECIPE)
    running = RunningServer(made / "home", str(made / "writer"), str(made / "labeller")).start()
    yield running.address
    running.stop()


@pytest.fixture(scope="module")
def bare_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server without a model."""
    running = RunningServer(tmp_path_factory.mktemp("bare") / "home").start()
    yield running.address
    running.stop()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    with visiting(browser) as opened:
        yield opened


def test_every_file_of_the_page_is_in_the_list_and_makes_no_markup() -> None:
    folder = files("finetable.serving").joinpath("static")
    found = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}
    assert found.keys() == STATIC.keys()
    assert [name for name, text in found.items() if MAKES_MARKUP.search(text)] == []


@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
def test_play_writes_and_shows_how_probable_each_piece_was(
    visit: Open, address: str, width: int, scheme: str
) -> None:
    seen = visit(address, width, scheme)
    page = seen.page
    seen.go("play/writer")
    page.get_by_label("title", exact=True).fill(HOSTILE)
    page.get_by_label("genre").fill("love")
    if width < 700:
        page.get_by_text("How to write").click()
    pieces = page.locator(".piece")
    for seed in range(20):
        page.get_by_label("Seed").fill(str(seed))
        page.keyboard.press("Control+Enter")
        expect(page.locator(".note")).to_contain_text(f"seed {seed} · ")
        if pieces.count() > 1:
            break
    assert pieces.count() > 1
    pieces.first.hover()
    expect(page.get_by_role("tooltip")).to_contain_text("%")
    seen.check()
    page.mouse.move(0, 0)
    pieces.first.focus()
    first = page.get_by_role("tooltip").text_content()
    page.keyboard.press("ArrowRight")
    assert seen.focused() == pieces.nth(1).text_content()
    assert page.get_by_role("tooltip").text_content() != first
    page.keyboard.press("Escape")
    expect(page.get_by_role("tooltip")).to_be_hidden()
    heard = page.get_by_role("log").text_content() or ""
    assert heard.endswith(page.locator(".written").text_content() or "")


@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
def test_play_puts_seeds_or_models_side_by_side(visit: Open, address: str, width: int, scheme: str) -> None:
    seen = visit(address, width, scheme)
    page = seen.page
    seen.go("play/writer")
    page.get_by_label("title", exact=True).fill("Film 3")
    if width < 700:
        page.get_by_text("How to write").click()
    page.get_by_label("Seed").fill("41")
    page.get_by_text("2", exact=True).click()
    page.get_by_role("button", name="Write").click()
    notes, texts = page.locator(".note"), page.locator(".written")
    expect(notes.nth(0)).to_contain_text("seed 41 · ")
    expect(notes.nth(1)).to_contain_text("seed 42 · ")
    expect(page.locator(".busy")).to_have_count(0)
    left, right = texts.all_text_contents()
    assert left != right
    page.get_by_label("Seed").fill("42")
    page.get_by_text("1", exact=True).click()
    page.get_by_role("button", name="Write").click()
    expect(texts).to_have_text(right)
    page.get_by_text("3", exact=True).click()
    page.get_by_label("Each column has").select_option("model")
    page.get_by_label("Model of this column").first.select_option("labeller")
    page.get_by_label("Model of this column").last.select_option("writer")
    page.get_by_role("button", name="Write").click()
    expect(page.locator(".column").nth(0).locator(".piece").first).to_be_visible()
    expect(page.locator(".column").nth(1).locator(".bars li")).to_have_count(2)
    expect(page.locator(".column").nth(2).locator(".piece").first).to_be_visible()
    expect(page.locator(".busy")).to_have_count(0)
    seen.check()


@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
def test_play_labels(visit: Open, address: str, width: int, scheme: str) -> None:
    seen = visit(address, width, scheme)
    seen.go("play/labeller")
    seen.page.get_by_label("plot").fill("There a thief walks to 3 and 21")
    seen.page.get_by_role("button", name="Label").click()
    bars = seen.page.locator(".bar-value")
    expect(bars).to_have_count(2)
    shares = [float(re.sub("[^0-9.]", "", text)) for text in bars.all_text_contents()]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100, abs=0.2)
    assert seen.page.locator(".found").text_content() in ("crime", "love")
    seen.check()


def test_play_stops(visit: Open, address: str) -> None:
    seen = visit(address)
    page = seen.page
    held: list[Route] = []
    page.route("**/v1/completions", lambda route: held.append(route))
    seen.go("play/writer")
    expect(page.get_by_label("genre")).to_be_visible()
    page.get_by_role("button", name="Write").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".note")).to_contain_text("stopped")
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    page.unroute("**/v1/completions")
    page.get_by_role("button", name="Write").click()
    expect(page.locator(".note")).to_contain_text(NEW_SEED)


def test_faults_are_told_in_sentences(visit: Open, address: str) -> None:
    seen = visit(address)
    page = seen.page
    seen.go("play/no-such-model")
    expect(page.get_by_role("alert")).to_have_text(
        "There is no model no-such-model any more; choose another one."
    )
    seen.go("jobs/ftjob-none")
    expect(page.get_by_role("alert")).to_have_text("No such FineTuningJob object: ftjob-none")
    seen.go("play/writer")
    page.get_by_label("title", exact=True).fill("word " * 5000)
    page.get_by_role("button", name="Write").click()
    expect(page.locator(".column").get_by_role("alert")).to_contain_text("Please shorten it.")


@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
def test_next_turns_rows_that_have_addresses(visit: Open, address: str, width: int, scheme: str) -> None:
    seen = visit(address, width, scheme)
    page = seen.page
    seen.go("next/writer/7")
    row, link = page.locator(".row"), page.locator(".permalink")
    expect(row.locator(".made")).to_be_visible()
    seventh = row.text_content() or ""
    seen.check()
    for press, number in [("ArrowRight", 8), ("Space", 9), ("ArrowLeft", 8)]:
        page.keyboard.press(press)
        expect(link).to_have_text(f"No. {number}")
    page.get_by_role("button", name="Next").click()
    expect(link).to_have_text("No. 9")
    expect(row).not_to_have_class(re.compile("busy"))
    assert row.text_content() != seventh
    assert (link.get_attribute("href") or "") == page.evaluate("() => location.hash")
    page.get_by_role("tab", name="Play").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Next")).to_be_focused()
    expect(link).to_have_text("No. 9")
    again = visit(address, width, scheme)
    again.go("next/writer/7")
    expect(again.page.locator(".row")).to_have_text(seventh)
    seen.check()


def test_the_keyboard_goes_everywhere(visit: Open, bare_address: str) -> None:
    seen = visit(bare_address)
    page = seen.page
    seen.go("")
    expect(page.locator(".empty").first).to_contain_text("drop a table under Jobs")
    page.keyboard.press("Tab")
    expect(page.get_by_role("tab", name="Play")).to_be_focused()
    page.keyboard.press("Tab")
    assert seen.focused() == "Go to Jobs"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="Jobs")).to_be_focused()
    expect(page.get_by_role("tab", name="Jobs")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Tab")
    # The browser's own field for a file: what Enter opens from here on is the browser's.
    assert page.evaluate("() => document.activeElement.type") == "file"
    assert page.evaluate("() => document.activeElement.disabled") is False
    seen.check()


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_preview_reads_cells_as_python_does(visit: Open, address: str, separator: str) -> None:
    rows = [
        ["name", "text", "number"],
        ["a;b", 'says "so", twice', "1"],
        ["", "two\nlines\r\nthree", "2,5"],
        ["tab\there", "", ""],
    ]
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator).writerows(rows)
    seen = visit(address)
    seen.go("jobs")
    parsed = seen.page.evaluate(
        "async (text) => { const csv = await import('/static/csv.js');"
        "const separator = csv.likelySeparator(text); return [separator, csv.parse(text, separator)]; }",
        out.getvalue(),
    )
    assert parsed == [separator, rows]
