"""Picture the page with the models of scripts/demo: `python docs/make_page_pictures.py demo/1`."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from playwright.sync_api import Browser, FilePayload, Page, expect, sync_playwright

DOCS = Path(__file__).parent
PICTURES = DOCS / "pictures"
TABLE = DOCS.parent / "examples" / "films.csv"
WINDOWS = {"wide": (1280, 1000, "light"), "narrow": (390, 844, "dark")}
WAIT_MS = 600_000
ROWS = 400


def main(demo: Path) -> None:
    """All pictures, anew."""
    PICTURES.mkdir(exist_ok=True)
    expect.set_options(timeout=WAIT_MS)
    with serving(demo) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = open_page(browser, "wide")
        start_job(page, address)
        for name in WINDOWS:
            page = open_page(browser, name)
            picture_play(page, address, name)
            picture_next(page, address, name)
            picture_jobs(page, address, name)
        end_job(page)
        browser.close()


@contextmanager
def serving(demo: Path) -> Iterator[str]:
    """The address of a server with a home of its own."""
    with tempfile.TemporaryDirectory() as home:
        words = ["serve", str(demo / "writer"), str(demo / "labeller"), "--home", home, "--port", "0"]
        command = [sys.executable, "-m", "finetable", *words]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
            assert server.stderr is not None
            first = next(line for line in server.stderr if "The page:" in line)
            # Its log is read on, or it would wait for a reader once the pipe is full.
            Thread(target=server.stderr.read, daemon=True).start()
            yield first.split()[-1].rstrip("/")
            server.terminate()


def open_page(browser: Browser, name: str) -> Page:
    width, height, scheme = WINDOWS[name]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=1.5,
    )
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    return page


def start_job(page: Page, address: str) -> None:
    """A job that learns from a part of the films."""
    lines = TABLE.read_text(encoding="utf-8").splitlines(keepends=True)[: ROWS + 1]
    page.goto(f"{address}/#jobs")
    file = FilePayload(name=TABLE.name, mimeType="text/csv", buffer="".join(lines).encode())
    page.set_input_files("input[type=file]", file)
    give_columns(page)
    page.get_by_label("Epochs").fill("12")
    page.get_by_role("button", name="Start learning").click()
    page.wait_for_url("**/#jobs/ftjob-*")


def end_job(page: Page) -> None:
    """No training goes on behind the server's back."""
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.locator(".status")).to_have_text("cancelled")


def give_columns(page: Page) -> None:
    for column in ("title", "genre"):
        page.get_by_label(f"Part of the column {column}").select_option("given")


def picture_play(page: Page, address: str, name: str) -> None:
    """Texts from two seeds, a piece with what might have stood there instead."""
    page.goto(f"{address}/#play/writer")
    page.get_by_label("genre").fill("Mystery")
    page.get_by_label("title").fill("The Lighthouse Keeper's Daughter")
    how = page.get_by_text("How to write")
    if name == "narrow":
        how.click()
    page.get_by_label("Temperature").fill("0.6")
    page.get_by_label("Seed").fill("11")
    if name == "narrow":
        how.click()
    else:
        page.get_by_text("2", exact=True).click()
    page.get_by_role("button", name="Write").click()
    expect(page.locator(".note").last).to_contain_text("token")
    expect(page.locator(".busy")).to_have_count(0)
    page.evaluate("() => scrollTo(0, 0)")
    page.locator(".piece").nth(4).hover()
    save(page, "play", name)


def picture_next(page: Page, address: str, name: str) -> None:
    """One row."""
    page.goto(f"{address}/#next/writer/3")
    expect(page.locator(".made")).to_be_visible()
    expect(page.locator(".row.busy")).to_have_count(0)
    page.mouse.move(0, 0)
    save(page, "next", name)


def picture_jobs(page: Page, address: str, name: str) -> None:
    """A table before it is learnt from, and the job that is running."""
    page.goto(f"{address}/#jobs")
    page.set_input_files("input[type=file]", TABLE)
    give_columns(page)
    save(page, "table", name)
    page.locator(".job-list a").click()
    expect(page.locator(".checkpoints .sample").first).to_have_text(re.compile(r"\w"))
    page.mouse.move(0, 0)
    save(page, "job", name)


def save(page: Page, view: str, name: str) -> None:
    page.screenshot(path=PICTURES / f"{view}_{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
