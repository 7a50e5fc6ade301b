import json

import pytest

from finetable.serving.strict_json import DEEPEST, JsonError, parsed


def nested(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def test_what_is_json_comes_as_python_reads_it() -> None:
    value = {"a": [1, -2.5e300, "\U0001f3ac \u2028", None, True, {"b": []}], "c": 10**300}
    for ascii_only in (True, False):
        assert parsed(json.dumps(value, ensure_ascii=ascii_only).encode()) == value
    assert parsed(nested(DEEPEST)) == json.loads(nested(DEEPEST))
    wide = [[1]] * 1000
    assert parsed(json.dumps(wide).encode()) == wide


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (nested(DEEPEST + 1), "nested more than"),
        (b"[" * 1_000_000, "nested more than"),
        (b"1e999", "1e999 is too large"),
        (b"-Infinity", "-Infinity is no number"),
        (b"NaN", "NaN is no number"),
        (b"1" * 5000, "not valid JSON"),
        (b'"\\ud83c"', "half of a surrogate pair"),
        (b'{"\\uDfff": 1}', "half of a surrogate pair"),
        (b'"\xff"', "not valid UTF-8"),
        (b'{"a": 1,}', "at character 8"),
        (b"", "at character 0"),
    ],
)
def test_what_could_not_be_told_again_is_refused(text: bytes, reason: str) -> None:
    with pytest.raises(JsonError, match=reason):
        parsed(text)
