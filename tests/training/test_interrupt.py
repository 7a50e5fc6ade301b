import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from finetable.training.interrupt import stop_signals

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def handlers() -> list[object]:
    return [signal.getsignal(number) for number in SIGNALS]


@pytest.fixture(autouse=True)
def handlers_are_given_back() -> Iterator[None]:
    before = handlers()
    yield
    assert handlers() == before


@pytest.fixture
def held_back() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def nothing() -> None:
    """For tests that look elsewhere."""


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_asks_for_a_stop_and_says_so_once(number: int) -> None:
    told: list[str] = []
    with stop_signals(lambda: told.append("stopping")) as stop_asked:
        assert not stop_asked()
        assert told == []
        os.kill(os.getpid(), number)
        assert stop_asked()
        assert stop_asked()
    assert told == ["stopping"]


@pytest.mark.parametrize("number", SIGNALS)
def test_the_second_signal_leaves_at_once(number: int) -> None:
    told: list[str] = []

    def run() -> None:
        with stop_signals(lambda: told.append("stopping")):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(number)
            told.append("went on")

    with pytest.raises(KeyboardInterrupt):
        run()
    assert told == ["stopping"]


@pytest.mark.usefixtures("held_back")
def test_a_signal_that_was_held_back_counts_from_the_start() -> None:
    signal.raise_signal(signal.SIGINT)
    with stop_signals(nothing) as stop_asked:
        assert stop_asked()
    assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_a_new_block_knows_nothing_of_an_earlier_stop() -> None:
    with stop_signals(nothing):
        signal.raise_signal(signal.SIGINT)
    with stop_signals(nothing) as stop_asked:
        assert not stop_asked()


def test_a_fault_inside_comes_through() -> None:
    with pytest.raises(ZeroDivisionError), stop_signals(nothing):
        raise ZeroDivisionError


def test_outside_the_main_thread_it_always_says_no() -> None:
    answers: list[bool] = []

    def work(asked: Callable[[], bool]) -> None:
        answers.append(asked())

    def other() -> None:
        with stop_signals(nothing) as stop_asked:
            work(stop_asked)

    before = handlers()
    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert answers == [False]
    assert handlers() == before
