import torch

from finetable.models.number_format import has_bf16_products
from finetable.training.precision import choose_precision

CPU = torch.device("cpu")


def test_what_is_named_is_taken() -> None:
    assert choose_precision("fp32", CPU) == "fp32"
    assert choose_precision("bf16", CPU) == "bf16"


def test_auto_is_what_the_processor_has_products_for() -> None:
    wanted = "bf16" if has_bf16_products(CPU) else "fp32"
    assert choose_precision("auto", CPU) == wanted
