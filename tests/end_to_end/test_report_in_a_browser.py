"""A report in a real browser: nothing is wider than the screen, nothing fetched, nothing complained of."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from finetable.verbs import profile, train

CHROMIUM = shutil.which("chromium")
RECIPE: dict[str, Any] = {
    "base": "scratch",
    "size": "tiny",
    "epochs": 2,
    "validations": 2,
    "batch_tokens": 512,
}
WITH_NAMES = """() => [...document.querySelectorAll('svg[role=img]')].filter(
    svg => svg.querySelector('title')?.textContent && svg.getAttribute('aria-labelledby')).length"""
WIDER_THAN_THE_SCREEN = "() => document.documentElement.scrollWidth > window.innerWidth"
BACKGROUND = "() => getComputedStyle(document.body).backgroundColor"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The reports of a writer, a labeller and a table whose texts would like to be markup."""
    made = tmp_path_factory.mktemp("pages")
    rows = [
        f"Film {n},{('crime', 'love')[n % 2]},{('a thief', '<b>a nurse</b>')[n % 2]} walks to {n} & {n * 7}"
        for n in range(90)
    ]
    table = made / "films.csv"
    table.write_text("\n".join(["title,genre,plot", *rows]) + "\n", encoding="utf-8")
    train(table, out=made / "writer", write="plot", given="title", **RECIPE)
    train(table, out=made / "labeller", label="genre", given="plot", **RECIPE)
    profile(table, out=made / "profile.html")
    return {
        "writer": made / "writer" / "report.html",
        "labeller": made / "labeller" / "report.html",
        "profile": made / "profile.html",
    }


@pytest.mark.parametrize("name", ["writer", "labeller", "profile"])
@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), (390, "light"), (1280, "dark"), (390, "dark")]
)
def test_a_report_reads_well(
    browser: Browser, pages: dict[str, Path], name: str, width: int, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = context.new_page()
    messages: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(pages[name].as_uri())
    assert messages == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert page.evaluate(WIDER_THAN_THE_SCREEN) is False
    figures = page.locator("svg[role=img]").count()
    assert figures == page.evaluate(WITH_NAMES) >= 2
    red, *_ = map(int, re.findall(r"\d+", page.evaluate(BACKGROUND)))
    assert (red < 60) is (scheme == "dark")
    context.close()
