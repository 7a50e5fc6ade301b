"""A real browser that keeps note of everything the page should not do."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

WINDOWS = [(1280, "light"), (390, "light"), (1280, "dark"), (390, "dark")]
CHROMIUM = shutil.which("chromium")
WAIT_MS = 180_000
WIDER_THAN_THE_SCREEN = "() => document.documentElement.scrollWidth > window.innerWidth"
WITHOUT_A_NAME = """() => [...document.querySelectorAll('input, select, textarea, button, progress')]
    .filter(control => !control.labels?.length && !control.getAttribute('aria-label'))
    .filter(control => !control.textContent.trim())
    .map(control => control.outerHTML)"""
TOO_PALE = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const over = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => rgb.map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const found = [];
  for (const element of document.querySelectorAll('body *')) {
    const texts = [...element.childNodes].filter((node) => node.nodeType === 3 && node.data.trim());
    const unseen = element.closest('.unseen, :disabled, noscript, option, optgroup, svg');
    if (!texts.length || unseen || !element.checkVisibility()) continue;
    const behind = [];
    for (let at = element; at; at = at.parentElement) behind.unshift(getComputedStyle(at).backgroundColor);
    const paper = over(['#fff', ...behind]);
    const ink = over([`rgb(${paper})`, getComputedStyle(element).color]);
    const [dark, bright] = [light(paper), light(ink)].sort((a, b) => a - b);
    const contrast = (bright + 0.05) / (dark + 0.05);
    if (contrast < 4.5) found.push([contrast, element.className, element.textContent.slice(0, 40)]);
  }
  return found;
}"""
"""Texts whose contrast with what lies behind them is under 4.5 : 1 (WCAG AA)."""


@dataclass
class Visit:
    """A page of a server in a window; `complaints` are what the console said and requests that failed."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda request: self.complaints.append(f"failed: {request.url}"))
        self.page.on("request", lambda request: self._look(request.url))

    def go(self, view: str) -> None:
        """Open a view by its address."""
        self.page.goto(f"{self.address}/#{view}")

    def check(self) -> None:
        """What holds of every view at any time."""
        assert self.complaints == []
        assert self.outside == []
        assert self.page.evaluate(WIDER_THAN_THE_SCREEN) is False
        assert self.page.evaluate(WITHOUT_A_NAME) == []
        assert self.page.evaluate(TOO_PALE) == []

    def focused(self) -> str:
        """The words of what has the focus."""
        return str(self.page.evaluate("() => document.activeElement.textContent"))

    def _look(self, url: str) -> None:
        if not url.startswith((self.address, "data:")):
            self.outside.append(url)


@contextmanager
def browsing() -> Iterator[Browser]:
    """Debian's Chromium; the test is skipped where it is missing."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield launched
        launched.close()


Open = Callable[..., Visit]


@contextmanager
def visiting(browser: Browser) -> Iterator[Open]:
    """Opens windows on servers: `visit(address, width, scheme)`."""
    contexts = []

    def visit(address: str, width: int = 1280, scheme: str = "light") -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            reduced_motion="reduce",
        )
        contexts.append(context)
        return Visit(context.new_page(), address)

    expect.set_options(timeout=WAIT_MS)
    yield visit
    for context in contexts:
        context.close()
