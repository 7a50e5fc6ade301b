"""One endpoint asked again and again: what it wishes is done, and whoever waits can be stopped."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from tests.inference import hostile
from tests.inference.hostile import SECONDS

from finetable.inference import endpoint
from finetable.inference.endpoint import Endpoint, RefusedError, StoppedError
from finetable.inference.prices import Price
from finetable.inference.remote_replies import ChatReply
from finetable.inference.spending import Spending

BODY = {"model": "m", "messages": [{"role": "user", "content": "row 1"}]}
MOST = (1000, 10)


@pytest.fixture
def found() -> Iterator[hostile.Endpoint]:
    with hostile.running(lambda _: "good") as running:
        yield running


def ask(asked: Endpoint) -> ChatReply:
    return asked.ask("/chat/completions", BODY, MOST, ChatReply.model_validate)


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "0"},
        {"Retry-After": "0.001"},
        {"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"},
        {"retry-after-ms": "1", "Retry-After": "100"},
    ],
)
def test_what_an_endpoint_wishes_goes_before_our_own_delay(
    found: hostile.Endpoint, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(_: int) -> float:
        raise AssertionError("the endpoint said when")

    monkeypatch.setattr(endpoint, "_delay", never)
    found.faults = lambda _: ("limit", "busy")
    found.headers = headers
    with closing(Endpoint(found.url, "key", Spending(None, None))) as asked:
        assert ask(asked).kept() == {"text": "good"}
    assert found.asked.total() == 3


def test_our_own_delays_grow_and_end_growing() -> None:
    for tries in range(12):
        most = min(endpoint.LONGEST_DELAY_SECONDS, endpoint.FIRST_DELAY_SECONDS * 2**tries)
        assert most / 2 <= endpoint._delay(tries) <= most


def test_a_stop_ends_the_wait_for_another_try(found: hostile.Endpoint) -> None:
    found.faults = lambda _: ("limit",) * 99
    found.headers = {"Retry-After": "119"}
    with closing(Endpoint(found.url, "key", Spending(None, None))) as asked:
        told: list[BaseException] = []

        def waiting() -> None:
            try:
                ask(asked)
            except StoppedError as fault:
                told.append(fault)

        thread = threading.Thread(target=waiting)
        thread.start()
        asked.stop.set()
        thread.join(SECONDS)
        assert len(told) == 1


def test_answers_that_were_lost_are_paid_and_refusals_are_not(
    found: hostile.Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "FIRST_DELAY_SECONDS", 0.001)
    spending = Spending(Price(1000, 0), 100)
    found.faults = lambda _: ("cut", "broken", "limit", "busy")
    with closing(Endpoint(found.url, "key", spending)) as asked:
        ask(asked)
        assert spending.total == pytest.approx(1 + 1 + 0.1)
        found.refusal = (400, {"error": {"message": "maximum context length is 5", "code": 400}})
        with pytest.raises(RefusedError) as told:
            ask(asked)
        assert told.value.is_too_long
        assert spending.total == pytest.approx(2.1)
