"""A wrong value of an option, as one sentence that says what a right one is."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from finetable.bench_settings import FewShotSettings
from finetable.settings import DataSettings, OptimizerSettings, TableOptions
from finetable.verb_settings import ApiSettings, CreateJobSettings, GenerateSettings, ServeSettings
from finetable.wrong_values import wrong_value


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        (OptimizerSettings, {"clip": "much"}, "--clip must be a number, and 'much' is not."),
        (GenerateSettings, {"n": "2.5"}, "-n must be a whole number, and '2.5' is not."),
        (GenerateSettings, {"n": 2.5}, "-n must be a whole number, and 2.5 is not."),
        (TableOptions, {"header": "perhaps"}, "--header must be true or false, and 'perhaps' is not."),
        (DataSettings, {"long_rows": "x"}, "--long-rows must be 'stop', 'cut' or 'drop', and 'x' is not."),
        (ServeSettings, {"port": 70_000}, "--port must be less than or equal to 65535, and 70000 is not."),
        (CreateJobSettings, {"suffix": ""}, "--suffix must not be empty."),
        (FewShotSettings, {"model": ""}, "--model must not be empty."),
    ],
)
def test_one_sentence(kind: type[BaseModel], options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as fault:
        kind.model_validate(options)
    assert wrong_value(fault.value) == said


@pytest.mark.parametrize("key", ["x" * 8, "x" * 256, "sk-2026_~!"])
def test_keys_that_a_header_can_carry(key: str) -> None:
    assert ServeSettings(key=key).key == key


@pytest.mark.parametrize("key", ["x" * 7, "x" * 257, "with blank", "with\nline", "trailing\n", "Schlüssel"])
def test_keys_that_none_can_carry(key: str) -> None:
    with pytest.raises(ValidationError):
        ServeSettings(key=key)


@pytest.mark.parametrize("address", ["http://a", "https://example.org/v1", "http://[::1]:8017/v1"])
def test_addresses(address: str) -> None:
    assert ApiSettings(base_url=address).base_url == address
