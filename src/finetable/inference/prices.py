"""What remote models cost: OpenAI's public prices, and how a number of tokens becomes dollars."""

from dataclasses import dataclass

MILLION = 1_000_000


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens; `training_per_million` is None for a model that is not fine-tuned."""

    input_per_million: float
    output_per_million: float
    training_per_million: float | None = None

    def of(self, input_tokens: int, output_tokens: int) -> float:
        """US dollars for tokens read and tokens written."""
        paid = input_tokens * self.input_per_million + output_tokens * self.output_per_million
        return paid / MILLION


FREE = Price(0.0, 0.0, 0.0)
"""For a model on this machine."""

AS_OF = "2025"

PRICES = {
    **dict.fromkeys(("gpt-4o-mini", "gpt-4o-mini-2024-07-18"), Price(0.15, 0.60, 3.00)),
    **dict.fromkeys(("gpt-4o", "gpt-4o-2024-08-06"), Price(2.50, 10.00, 25.00)),
    **dict.fromkeys(("gpt-4.1", "gpt-4.1-2025-04-14"), Price(2.00, 8.00, 25.00)),
    **dict.fromkeys(("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14"), Price(0.40, 1.60, 5.00)),
    **dict.fromkeys(("gpt-4.1-nano", "gpt-4.1-nano-2025-04-14"), Price(0.10, 0.40, 1.50)),
    **dict.fromkeys(("gpt-3.5-turbo", "gpt-3.5-turbo-0125"), Price(0.50, 1.50, 8.00)),
}
"""AS_OF, from OpenAI's price list, standard rates, without discounts for cached or batched tokens. Fine-tuned
models (`ft:…`) cost more than their base and are not in it."""


def price_of(model: str) -> Price | None:
    """The public price of a model by its exact name; None where the table does not hold it."""
    return PRICES.get(model)
