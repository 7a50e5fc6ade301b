import pytest

from finetable.inference.prices import FREE, PRICES, Price, price_of


def test_a_million_tokens_of_each_kind() -> None:
    price = price_of("gpt-4o-mini")
    assert price == Price(0.15, 0.60, 3.00)
    assert price.of(1_000_000, 0) == pytest.approx(0.15)
    assert price.of(2_000, 500) == pytest.approx(0.0003 + 0.0003)
    assert FREE.of(10**9, 10**9) == 0.0


@pytest.mark.parametrize("name", ["ft:gpt-4o-mini-2024-07-18:me::abc", "gpt-4o-2024-05-13", "llama", ""])
def test_a_model_that_the_table_does_not_hold_has_no_price(name: str) -> None:
    assert price_of(name) is None


def test_a_dated_name_costs_what_its_model_costs() -> None:
    for name in ("gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano"):
        assert PRICES[f"{name}-2025-04-14"] == PRICES[name]
