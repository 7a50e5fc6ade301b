import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.bench_settings import FewShotSettings
from finetable.errors import RecipeError, RemoteError
from finetable.inference.prices import FREE, Price
from finetable.inference.spending import Spending, price_for

DOLLAR_A_TOKEN = Price(1_000_000, 1_000_000)


@settings(max_examples=30, deadline=None)
@given(
    uses=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans()), max_size=20),
    budget=st.integers(0, 60),
)
def test_many_threads_never_pay_more_than_the_budget(uses: list[tuple[int, int, bool]], budget: int) -> None:
    spending = Spending(DOLLAR_A_TOKEN, budget)
    lock = threading.Lock()
    paid: list[int] = []

    def ask(use: tuple[int, int, bool]) -> bool:
        read, spare, is_lost = use
        try:
            with spending.request(read + spare, 0) as bill:
                if is_lost:
                    bill.lose()
                else:
                    bill.settle(read, 0)
                with lock:
                    paid.append(read + spare if is_lost else read)
        except RemoteError:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        let_go = list(threads.map(ask, uses))
    assert sum(paid) <= budget
    assert spending.total == pytest.approx(sum(paid))
    assert len(paid) == sum(let_go)
    refused = [use for use, went in zip(uses, let_go, strict=True) if not went]
    assert all(read + spare > 0 for read, spare, _ in refused)
    if sum(read + spare for read, spare, _ in uses) <= budget:
        assert all(let_go)


def test_a_request_waits_for_those_that_may_use_up_the_budget() -> None:
    spending = Spending(DOLLAR_A_TOKEN, 10)
    reached = threading.Event()

    def second() -> None:
        with spending.request(8, 0) as bill:
            bill.settle(8, 0)
            reached.set()

    with spending.request(8, 0) as first:
        thread = threading.Thread(target=second)
        thread.start()
        first.settle(2, 0)
        assert not reached.is_set()
    thread.join()
    assert reached.is_set()
    assert spending.total == 10


def test_failed_requests_cost_nothing_and_kept_answers_are_no_part_of_the_budget() -> None:
    spending = Spending(DOLLAR_A_TOKEN, 5)
    spending.add_kept(100, 0)
    with pytest.raises(KeyError), spending.request(5, 0):
        raise KeyError
    with spending.request(5, 0) as bill:
        bill.settle(5, 0)
    assert spending.total == 105
    with pytest.raises(RemoteError, match=r"\$5\.0000 is used up"), spending.request(1, 0):
        pass


def test_without_a_price_nothing_is_counted() -> None:
    spending = Spending(None, None)
    spending.add_kept(5, 5)
    with spending.request(5, 5) as bill:
        bill.settle(5, 5)
    assert spending.total is None


@pytest.mark.parametrize(
    ("words", "price"),
    [
        ("gpt-4o-mini@url=http://localhost:1/v1", FREE),
        ("gpt-4o-mini@url=https://api.openai.com/v1", Price(0.15, 0.60)),
        ("gpt-4o-mini@url=https://api.openai.com/v1,output_price=7", Price(0.15, 7)),
        ("mine@url=https://example.org/v1,input_price=1,output_price=0", Price(1, 0)),
        ("mine@url=https://example.org/v1", None),
    ],
)
def test_a_price_is_the_persons_then_the_tables(words: str, price: Price | None) -> None:
    assert price_for(FewShotSettings.parsed(words)) == price


@pytest.mark.parametrize("words", ["budget=1", "input_price=1", "output_price=2,budget=3"])
def test_half_a_price_is_a_sentence(words: str) -> None:
    with pytest.raises(RecipeError, match="input_price= and output_price="):
        price_for(FewShotSettings.parsed(f"mine@url=https://example.org/v1,{words}"))
