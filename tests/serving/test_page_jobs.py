"""Jobs on the page: from a dropped table to a model that is asked, in a real browser before a real server."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from .browsing import WINDOWS, Open, browsing, visiting
from .running import RunningServer

HOSTILE = "<img src=x onerror=alert(1)>"
DROP = """async ([text, name]) => {
  const moved = new DataTransfer();
  moved.items.add(new File([text], name));
  const dropped = new DragEvent('drop', {dataTransfer: moved, cancelable: true});
  document.querySelector('.drop').dispatchEvent(dropped);
}"""
STEPS = re.compile(r"step [\d,]+ of [\d,]+")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as launched:
        yield launched


@pytest.fixture
def visit(browser: Browser) -> Iterator[Open]:
    with visiting(browser) as opened:
        yield opened


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    running = RunningServer(tmp_path_factory.mktemp("jobs_page") / "home").start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("table") / "Short films.csv"
    rows = [
        f'Film {n};{("crime", "love")[n % 2]};"A {("thief", "nurse")[n % 2]}; he walks\nto {n}"'
        for n in range(60)
    ]
    file.write_text("\n".join(["title;genre;plot", f"{HOSTILE};crime;A thief waits", *rows]) + "\n")
    return file


def begin(page: Page, epochs: str) -> None:
    page.get_by_label("Epochs").fill(epochs)
    page.get_by_role("button", name="Start learning").click()
    page.wait_for_url("**/#jobs/ftjob-*")
    expect(page.locator(".status")).to_have_text(re.compile("checking|waiting|learning"))


def test_a_dropped_table_becomes_a_model_that_writes(visit: Open, server: RunningServer, table: Path) -> None:
    seen = visit(server.address)
    page = seen.page
    seen.go("jobs")
    expect(page.get_by_text("No job yet.")).to_be_visible()
    page.evaluate(DROP, [table.read_text(), table.name])
    expect(page.locator("th button")).to_have_text(["title", "genre", "plot"])
    expect(page.locator("tbody td").first).to_have_text(HOSTILE)
    expect(page.locator(".plan")).to_have_text("It will learn to write plot, given nothing.")
    page.get_by_role("button", name="genre").click()
    page.get_by_label("Part of the column title").select_option("given")
    expect(page.locator(".plan")).to_have_text("It will learn to write plot from title and genre.")
    expect(page.get_by_label("Name")).to_have_value("short-films")
    seen.check()
    begin(page, "2")
    expect(page.locator("svg.chart")).to_be_visible()
    expect(page.locator(".status")).to_have_text("done")
    expect(page.locator("svg.chart title")).to_have_text(
        re.compile(r"training loss [\d.]+ at step \d+, validation loss")
    )
    expect(page.locator(".checkpoints .sample").first).not_to_be_empty()
    expect(page.locator(".events")).to_contain_text("The job has successfully completed")
    seen.check()
    page.get_by_role("link", name="Use the model").click()
    expect(page.get_by_label("Model", exact=True)).to_have_value(re.compile(r"^ft:small:.*:short-films:"))
    page.get_by_label("title").fill("Film 7")
    page.get_by_role("button", name="Write").click()
    expect(page.locator(".note")).to_contain_text("token")
    page.get_by_role("tab", name="Next").click()
    expect(page.locator(".made")).to_be_visible()
    seen.check()


def test_a_job_is_paused_resumed_and_cancelled(visit: Open, server: RunningServer, table: Path) -> None:
    seen = visit(server.address, 390, "dark")
    page = seen.page
    seen.go("jobs")
    page.set_input_files("input[type=file]", table)
    page.get_by_text("One of the values a column has").click()
    expect(page.locator(".plan")).to_have_text("It will learn to choose genre from plot.")
    seen.check()
    begin(page, "50")
    expect(page.locator(".progress")).to_have_text(STEPS)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".status")).to_have_text("paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".status")).to_have_text("learning")
    page.get_by_role("link", name="All jobs").click()
    expect(page.locator(".job-list .status").first).to_have_text("learning")
    expect(page.locator(".job-list .progress").first).to_have_text(STEPS)
    seen.check()
    page.locator(".job-list a").first.press("Enter")
    page.get_by_role("button", name="Cancel").press("Enter")
    expect(page.get_by_role("button", name="Let it go on")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".status")).to_have_text("learning")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.locator(".status")).to_have_text("cancelled")
    expect(page.get_by_role("button", name="Resume")).to_be_hidden()
    seen.check()


@pytest.mark.parametrize(("width", "scheme"), WINDOWS)
def test_the_list_and_a_job_read_well(
    visit: Open, server: RunningServer, table: Path, width: int, scheme: str
) -> None:
    seen = visit(server.address, width, scheme)
    seen.go("jobs")
    seen.page.set_input_files("input[type=file]", table)
    expect(seen.page.locator("th button")).to_have_count(3)
    seen.check()
    seen.page.locator(".job-list a").last.click()
    expect(seen.page.locator("svg.chart")).to_be_visible()
    seen.check()


def test_a_table_that_cannot_be_learnt_from_is_told(
    visit: Open, server: RunningServer, tmp_path: Path
) -> None:
    (tmp_path / "short.csv").write_text("a,b\n1,2\n")
    (tmp_path / "empty.csv").write_text("")
    seen = visit(server.address)
    page = seen.page
    seen.go("jobs")
    page.set_input_files("input[type=file]", tmp_path / "empty.csv")
    expect(page.get_by_role("alert")).to_contain_text("empty.csv holds no table")
    with (tmp_path / "huge.csv").open("wb") as huge:
        huge.truncate(513 * 2**20)
    page.set_input_files("input[type=file]", tmp_path / "huge.csv")
    expect(page.get_by_role("alert")).to_contain_text("huge.csv is larger than the 512 MB that are taken")
    page.set_input_files("input[type=file]", tmp_path / "short.csv")
    begin(page, "1")
    expect(page.locator(".status")).to_have_text("failed")
    expect(page.locator(".fault").first).to_contain_text("at least 10 are needed")
    seen.check()
