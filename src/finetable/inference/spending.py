"""What answers of a remote model have cost, and the budget that they never exceed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from finetable.bench_settings import FewShotSettings
from finetable.errors import RecipeError, RemoteError
from finetable.inference.prices import FREE, Price, price_of


class Bill:
    """Tokens of one request: read and written, the highest numbers possible until they are known."""

    def __init__(self, most_read: int, most_written: int) -> None:
        self.most = (most_read, most_written)
        self.paid: tuple[int, int] = (0, 0)

    def settle(self, read: int, written: int) -> None:
        """Say what was used."""
        self.paid = (read, written)

    def lose(self) -> None:
        """Say that the answer was lost on the way, so that all of it may have to be paid."""
        self.paid = self.most


class Spending:
    """Counts dollars over threads. A request is let go only when the budget holds even its highest cost."""

    def __init__(self, price: Price | None, budget: float | None) -> None:
        self._price = price
        self._budget = budget
        self._paid = self._kept = self._reserved = 0.0
        self._under_way = 0
        self._changed = threading.Condition()

    @property
    def total(self) -> float | None:
        """US dollars of all answers, those kept from before included; None where no price is known."""
        return None if self._price is None else self._paid + self._kept

    def add_kept(self, read: int, written: int) -> None:
        """Count an answer that was paid for before, which the budget does not bear again."""
        if self._price is not None:
            with self._changed:
                self._kept += self._price.of(read, written)

    @contextmanager
    def request(self, most_read: int, most_written: int) -> Iterator[Bill]:
        """The bill of one request, which waits while those under way might use up the budget.

        Raises RemoteError where the budget cannot hold the request.
        """
        bill = Bill(most_read, most_written)
        if self._price is None:
            yield bill
            return
        most = self._price.of(*bill.most)
        self._reserve(most)
        try:
            yield bill
        finally:
            with self._changed:
                self._under_way -= 1
                self._reserved = self._reserved - most if self._under_way else 0.0
                self._paid += self._price.of(*bill.paid)
                self._changed.notify_all()

    def _reserve(self, most: float) -> None:
        with self._changed:
            while self._budget is not None and self._paid + self._reserved + most > self._budget:
                if not self._under_way:
                    raise RemoteError(
                        f"The budget of ${self._budget:,.4f} is used up: ${self._paid:,.4f} are paid, and "
                        f"the next request may cost ${most:,.4f}. What was answered is kept; the same "
                        f"command goes on."
                    )
                self._changed.wait()
            self._reserved += most
            self._under_way += 1


def price_for(settings: FewShotSettings) -> Price | None:
    """What a model costs: as the person says, else as the table says; nothing on this machine.

    Raises RecipeError where half a price is known, or a budget but no price.
    """
    if settings.is_on_this_machine:
        return FREE
    known = price_of(settings.model)
    read, written = settings.input_price, settings.output_price
    if known is not None:
        read = known.input_per_million if read is None else read
        written = known.output_per_million if written is None else written
    if read is not None and written is not None:
        return Price(read, written)
    if read is not None or written is not None or settings.budget is not None:
        raise RecipeError(
            f"What {settings.model} costs is not known: say both input_price= and output_price=, in US "
            f"dollars for a million tokens, or leave budget and prices out."
        )
    return None
