"""What training starts from and what an engine runs: a network with its tokenizer."""

from dataclasses import dataclass
from functools import cached_property

import torch
from tokenizers import AddedToken
from torch import nn
from transformers import (
    Cache,
    DynamicCache,
    GenerationConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from finetable.data.tokens import Encoder, SpecialTokens
from finetable.errors import BaseModelError

START, SEPARATOR, END, PAD = "<|startoftext|>", "<|separator|>", "<|endoftext|>", "<|pad|>"


@dataclass
class BaseModel:
    """A causal language model with its tokenizer.

    `origin` is what the person named; `context` the most tokens the network can look at.
    """

    network: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    special: SpecialTokens
    origin: str

    @property
    def context(self) -> int:
        """Most tokens of prompt and answer together."""
        return context_of(self.network.config)

    def encoder(self) -> Encoder:
        """The way from text to ids and back."""
        return self._encoder

    @cached_property
    def _encoder(self) -> Encoder:
        # Made once: it copies the tokenizer, which takes 0.1 s with 50,000 tokens.
        return Encoder(self.tokenizer.backend_tokenizer, self.special)


def context_of(config: PreTrainedConfig) -> int:
    """Most tokens that a network of this configuration can attend to everywhere."""
    limits = [getattr(config, name, None) for name in ("max_position_embeddings", "sliding_window")]
    known = [int(limit) for limit in limits if limit]
    if not known:
        raise BaseModelError(f"The configuration of {config.model_type!r} does not say its context length.")
    return min(known)


def head_of(network: PreTrainedModel) -> nn.Linear:
    """The layer that turns last hidden states into logits."""
    head = network.get_output_embeddings()
    if not isinstance(head, nn.Linear):
        raise BaseModelError(
            f"{type(network).__name__} has no plain output layer, so finetable cannot train it."
        )
    return head


def embedding_of(network: PreTrainedModel) -> nn.Embedding:
    """The layer that turns ids into vectors."""
    embedding = network.get_input_embeddings()
    if not isinstance(embedding, nn.Embedding):
        raise BaseModelError(
            f"{type(network).__name__} has no plain embedding, so finetable cannot train it."
        )
    return embedding


def bytes_of_weights(network: PreTrainedModel) -> int:
    """What the weights of a network take in memory."""
    return sum(weight.nbytes for weight in network.parameters())


def to_best_device(network: PreTrainedModel) -> None:
    """Move a network to a GPU where there is one."""
    nn.Module.to(network, "cuda" if torch.cuda.is_available() else "cpu")


def last_hidden(network: PreTrainedModel, embedded: torch.Tensor) -> torch.Tensor:
    """Last hidden states (B, T, D) of embedded tokens (B, T, D), padded on the right or not at all.

    No mask is needed: attention is causal, and what follows a row's end carries no loss.
    """
    output = network.base_model(inputs_embeds=embedded, use_cache=False)
    hidden: torch.Tensor = output.last_hidden_state
    return hidden


def last_hidden_masked(
    network: PreTrainedModel,
    ids: torch.Tensor,
    positions: torch.Tensor,
    seen: torch.Tensor,
    cache: Cache | None,
) -> torch.Tensor:
    """Last hidden states (B, T, D) of ids (B, T) at `positions` (B, T), where `seen` says what sees what.

    `seen` bool (B, T, keys); the keys are those of `cache` where one is given.
    """
    # Added to the scores rather than passed as bool: the eager attentions of GPT-J and GPT-Neo add it.
    mask = torch.zeros(seen.shape, dtype=network.dtype, device=ids.device)
    mask.masked_fill_(~seen, torch.finfo(network.dtype).min)
    output = network.base_model(
        input_ids=ids,
        position_ids=positions,
        attention_mask=mask.unsqueeze(1),
        past_key_values=cache,
        use_cache=cache is not None,
    )
    hidden: torch.Tensor = output.last_hidden_state
    return hidden


def window_of(network: PreTrainedModel) -> int | None:
    """How many keys back a local layer sees by their place in the cache (GPT-Neo); None where none does."""
    window = getattr(network.config, "window_size", None)
    return int(window) if window else None


def check_network(network: PreTrainedModel) -> None:
    """Refuse a network of which finetable could not train or run every part as transformers does.

    Raises BaseModelError for logits that are more than one matrix product of the last hidden states, for an
    attention that does not follow a mask, positions and a cache, and for weights that are not finite.
    """
    name = type(network).__name__
    advice = "use a base of another family, such as gpt2, gpt_neo, gptj, gpt_neox, llama or qwen"
    ids = torch.arange(4, device=network.device).unsqueeze(0) % network.config.vocab_size
    try:
        with torch.inference_mode():
            hidden = last_hidden(network.eval(), embedding_of(network)(ids))
            plain_head = _is_plain_head(network, ids, hidden)
            followed = _is_followed(network, ids, hidden)
    except (TypeError, ValueError, AttributeError, IndexError, RuntimeError) as fault:
        raise BaseModelError(f"{name} cannot be run as finetable needs it; {advice}.") from fault
    if not hidden.isfinite().all():
        raise BaseModelError(f"{name} computes numbers that are not finite: its weights are damaged.")
    if not plain_head:
        # The loss and the label scores would silently come out wrong (Gemma 2, Cohere, Granite).
        raise BaseModelError(f"{name} changes its logits before or after the output layer; {advice}.")
    if not followed:
        raise BaseModelError(f"{name} does not let finetable choose what each token sees; {advice}.")


def _is_plain_head(network: PreTrainedModel, ids: torch.Tensor, hidden: torch.Tensor) -> bool:
    """Whether the output layer takes these hidden states (B, T, D), and gives the logits."""
    head = head_of(network)
    # Small logits would hide a cap (Gemma 2), so the layer gives large ones for once.
    large = torch.linspace(-100, 100, head.weight.shape[0], device=ids.device).expand(*ids.shape, -1)
    taken: list[torch.Tensor] = []

    def replace(_: nn.Module, inputs: tuple[torch.Tensor, ...], __: torch.Tensor) -> torch.Tensor:
        taken.append(inputs[0])
        return large

    hook = head.register_forward_hook(replace)
    try:
        logits = network(ids, use_cache=False).logits
    finally:
        hook.remove()
    return len(taken) == 1 and _alike(taken[0], hidden) and _alike(logits, large)


def _is_followed(network: PreTrainedModel, ids: torch.Tensor, hidden: torch.Tensor) -> bool:
    """Whether cache, mask and positions do as told: token by token, and two ends after one beginning."""
    cache, steps = DynamicCache(), []
    positions = torch.arange(4, device=ids.device).unsqueeze(0)
    seen = torch.ones(1, 4, 4, dtype=torch.bool, device=ids.device).tril()
    for t in range(4):
        here = slice(t, t + 1)
        now = (ids[:, here], positions[:, here], seen[:, here, : t + 1])
        steps.append(last_hidden_masked(network, *now, cache))
    seen[:, 3, 2] = False
    fork = last_hidden_masked(network, ids, positions.clamp(max=2), seen, None)
    other = last_hidden(network, embedding_of(network)(ids[:, [0, 1, 3]]))
    one_way = torch.cat([hidden[:, :3], other[:, 2:]], dim=1)
    return _alike(torch.cat(steps, dim=1), hidden) and _alike(fork, one_way)


def _alike(ours: torch.Tensor, theirs: torch.Tensor) -> bool:
    """Whether two results agree but for rounding, measured by the largest number."""
    return ours.shape == theirs.shape and bool((ours - theirs).abs().max() <= 1e-3 * theirs.abs().max())


def add_special_tokens(
    network: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, with_separator: bool
) -> SpecialTokens:
    """Give a pretrained tokenizer what it lacks, and the network a row for each new token.

    The base's own start and end tokens are kept where it has two different ones; pad is never the end.
    New rows of the embedding and the head are the mean of the old ones (Hewitt 2021, "Initializing New
    Word Embeddings for Pretrained Language Models").
    """
    known = len(tokenizer)
    end = tokenizer.eos_token or END
    start = tokenizer.bos_token if tokenizer.bos_token not in (None, end) else START
    pad = tokenizer.pad_token if tokenizer.pad_token not in (None, end, start) else PAD
    names = {"bos_token": start, "eos_token": end, "pad_token": pad}
    tokenizer.add_special_tokens({key: _special(text) for key, text in names.items()})
    if with_separator:
        tokenizer.add_tokens([_special(SEPARATOR)], special_tokens=True)
    _grow(network, known, len(tokenizer))
    special = special_tokens_of(tokenizer)
    ids = {"bos_token_id": special.start, "eos_token_id": special.end, "pad_token_id": special.pad}
    network.config.update(ids)
    # Whoever generates with plain transformers stops where we stop, and samples as they ask.
    network.generation_config = GenerationConfig(**ids)
    return special


def special_tokens_of(tokenizer: PreTrainedTokenizerFast) -> SpecialTokens:
    """The special tokens of a tokenizer that has been given them."""
    vocabulary = tokenizer.get_vocab()
    return SpecialTokens(
        start=vocabulary[tokenizer.bos_token],
        separator=vocabulary.get(SEPARATOR),
        end=vocabulary[tokenizer.eos_token],
        pad=vocabulary[tokenizer.pad_token],
    )


def _special(text: str | None) -> AddedToken:
    return AddedToken(str(text), special=True, normalized=False)


def _grow(network: PreTrainedModel, known: int, wanted: int) -> None:
    if wanted > embedding_of(network).num_embeddings:
        # transformers' own mean_resizing draws from a fitted normal distribution; ours is the mean itself.
        network.resize_token_embeddings(wanted, mean_resizing=False)
    head = head_of(network)
    with torch.no_grad():
        for rows in {embedding_of(network).weight, head.weight, *([] if head.bias is None else [head.bias])}:
            rows[known:wanted] = rows[:known].mean(dim=0)
