import pytest
import torch

from finetable.training import precision
from finetable.training.precision import choose_precision

CPU = torch.device("cpu")


def test_what_is_named_is_taken() -> None:
    assert choose_precision("fp32", CPU, 8, 4) is torch.float32
    assert choose_precision("bf16", CPU, 8, 4) is torch.bfloat16


@pytest.mark.parametrize(("worth_it", "chosen"), [(0.0, torch.bfloat16), (float("inf"), torch.float32)])
def test_auto_takes_bf16_only_where_the_probe_shows_gain_enough(
    monkeypatch: pytest.MonkeyPatch, worth_it: float, chosen: torch.dtype
) -> None:
    monkeypatch.setattr(precision, "WORTH_IT", worth_it)
    assert choose_precision("auto", CPU, 8, 4) is chosen
