import torch
from torch import nn

from finetable.models.number_format import has_bf16_products, set_format


def test_weights_change_their_format_and_buffers_do_not() -> None:
    network = nn.Linear(3, 2)
    network.register_buffer("frequencies", torch.rand(4))
    before = network.weight.detach().clone()
    set_format(network, torch.bfloat16)
    assert {weight.dtype for weight in network.parameters()} == {torch.bfloat16}
    assert network.get_buffer("frequencies").dtype == torch.float32
    assert torch.equal(network.weight, before.bfloat16())


def test_the_processor_is_asked_and_answers_the_same_each_time() -> None:
    flags = torch.cpu.get_capabilities()
    wanted = bool(flags.get("amx_bf16") or flags.get("avx512_bf16"))
    assert [has_bf16_products(torch.device("cpu")) for _ in range(3)] == [wanted] * 3
