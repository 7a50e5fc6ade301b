import threading
from contextlib import closing
from pathlib import Path

import pytest

from finetable.errors import RemoteError
from finetable.inference.answer_cache import FILE, AnswerCache, digest_of


def test_an_answer_stays_and_the_first_of_two_counts(tmp_path: Path) -> None:
    with closing(AnswerCache(tmp_path / "a" / "b")) as cache:
        assert cache.find("x") is None
        cache.keep("x", {"text": "é", "used": [1, 2]})
        cache.keep("x", {"text": "other", "used": [1, 2]})
    with closing(AnswerCache(tmp_path / "a" / "b")) as again:
        assert again.find("x") == {"text": "é", "used": [1, 2]}


def test_many_threads_and_two_openings_share_it(tmp_path: Path) -> None:
    caches = [AnswerCache(tmp_path), AnswerCache(tmp_path)]

    def keep(number: int) -> None:
        caches[number % 2].keep(f"{number % 40}", {"scores": [number % 40]})

    threads = [threading.Thread(target=keep, args=(number,)) for number in range(80)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [caches[0].find(f"{number}") for number in range(40)] == [{"scores": [n]} for n in range(40)]
    for cache in caches:
        cache.close()


def test_requests_that_differ_anywhere_have_other_digests() -> None:
    body = {"model": "m", "prompt": "p"}
    asked = [
        digest_of("http://a/v1", None, "/completions", body),
        digest_of("http://b/v1", None, "/completions", body),
        digest_of("http://a/v1", "fp", "/completions", body),
        digest_of("http://a/v1", None, "/chat/completions", body),
        digest_of("http://a/v1", None, "/completions", {**body, "model": "n"}),
    ]
    assert len(set(asked)) == 5
    assert digest_of("http://a/v1", None, "/completions", dict(reversed(body.items()))) == asked[0]
    assert all(len(digest) == 64 for digest in asked)


def test_a_file_that_is_no_cache_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"something else entirely " * 100)
    with pytest.raises(RemoteError, match="cannot be kept in"):
        AnswerCache(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(RemoteError, match="cannot be kept in"):
        AnswerCache(tmp_path / "file")
