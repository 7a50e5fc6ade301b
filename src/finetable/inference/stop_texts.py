"""Cuts a text that comes in pieces at the first stop text, and holds back what may become one."""

from collections.abc import Sequence


class StopTexts:
    """Watches one text for stop texts, none of which is empty.

    The one that is whole first cuts the text, of those whole at the same character the longest: where the
    text is cut does not depend on the pieces in which it comes.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""

    def feed(self, text: str) -> tuple[str, bool]:
        """Take more text; give what is certain now, and whether a stop text was met: nothing follows then."""
        if not self._stops:
            return text, False
        text = self._held + text
        found = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self._held = ""
            return text[: min(found)[1]], True
        certain = len(text) - self._doubtful(text)
        self._held = text[certain:]
        return text[:certain], False

    def rest(self) -> str:
        """Give what was held back, when no more text comes."""
        held, self._held = self._held, ""
        return held

    def _doubtful(self, text: str) -> int:
        """How many characters at the end of the text may be the beginning of a stop text."""
        longest = min(len(text), max(map(len, self._stops)) - 1)
        for count in range(longest, 0, -1):
            if any(stop.startswith(text[-count:]) for stop in self._stops):
                return count
        return 0
