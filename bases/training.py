"""Training a base on its mix, with the loop that trains everything else."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from bases.mix import MIX, read_mix
from bases.passages import Passage
from bases.recipe import BaseRecipe
from finetable.atomic_files import write_folder, write_text
from finetable.data.examples import Example
from finetable.data.tokens import Encoder, TokenizedRows, tokenize
from finetable.models.base_model import BaseModel
from finetable.models.pretrained import read_tokenizer
from finetable.models.scratch import CONTEXT, build_network, learn_tokenizer
from finetable.training.batches import BatchPlan
from finetable.training.checkpoint import Checkpoints, Position
from finetable.training.interrupt import stop_signals
from finetable.training.loop import Outcome, run
from finetable.training.plan import Plan
from finetable.training.planning import seconds_per_step
from finetable.training.precision import choose_precision
from finetable.training.trainer import Step, Trainer

VALIDATION_ROWS = 400
VALIDATIONS = 40
SECONDS_TIMED = 8.0
CURVE = "curve.jsonl"
ARRAYS = ("ids", "starts", "answer_starts", "row_ids")


def tokenizer_of(recipe: BaseRecipe, folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer learnt from the mix, once."""
    kept = folder / f"tokenizer-{recipe.network.vocabulary}"
    if not kept.exists():
        texts = (text for passage, _ in read_mix(folder / MIX) for text in _texts(passage))
        learn_tokenizer(texts, recipe.network.vocabulary).save_pretrained(kept)
    return read_tokenizer(kept)


def tokenized(passages: Sequence[tuple[Passage, int]], encoder: Encoder, file: Path) -> TokenizedRows:
    """Each passage as many times as it is seen; what does not fit the context is left out by the caller."""

    def examples() -> Iterator[Example]:
        for number, (passage, times) in enumerate(passages):
            for turn in range(times):
                # Every second passage with a title follows it, so that the separator is learnt too.
                follows = passage.title is not None and (number + turn) % 2 == 0
                yield Example(number, passage.title if follows else None, passage.text)

    return tokenize(examples(), encoder, file)


def fitting(rows: TokenizedRows) -> TokenizedRows:
    """The rows that the context has room for."""
    long = rows.lengths > CONTEXT
    return rows.select((~long).nonzero()[0]) if long.any() else rows


def rows_of(mix: Path, vocabulary: int, encoder: Encoder) -> tuple[TokenizedRows, TokenizedRows]:
    """What is trained on, each row as often as it is seen, and rows of the mix to validate on; made once."""
    folder = mix / f"rows-{vocabulary}"
    if not folder.exists():
        write_folder(folder, lambda partial: _write_rows(mix, encoder, partial))
    return _read_rows(folder, "train"), _read_rows(folder, "validation")


def _splits(mix: Path) -> dict[str, list[tuple[Passage, int]]]:
    """Passages of the mix to train on and to validate on, with how often each is seen."""
    passages = read_mix(mix / MIX)
    step = max(2, len(passages) // VALIDATION_ROWS)
    return {
        "train": [pair for place, pair in enumerate(passages) if place % step],
        "validation": [(passage, 1) for passage, _ in passages[::step]],
    }


def _write_rows(mix: Path, encoder: Encoder, folder: Path) -> None:
    for split, chosen in _splits(mix).items():
        rows = tokenized(chosen, encoder, folder / f"{split}.all")
        kept = fitting(rows)
        print(
            f"{split}: {len(kept):,} rows, {int(kept.lengths.sum()):,} tokens; "
            f"{len(rows) - len(kept):,} rows longer than {CONTEXT:,} tokens left out",
            flush=True,
        )
        for name in ARRAYS:
            np.save(folder / f"{split}-{name}.npy", getattr(kept, name), allow_pickle=False)
        (folder / f"{split}.all").unlink()


def _read_rows(folder: Path, split: str) -> TokenizedRows:
    return TokenizedRows(*(np.load(folder / f"{split}-{name}.npy", mmap_mode="r") for name in ARRAYS))


class BaseRun:
    """A base under training in a folder, from its newest checkpoint on."""

    def __init__(self, recipe: BaseRecipe, mix: Path, folder: Path) -> None:
        recipe.keep_beside(folder, "network", "training", "passes", "sources")
        self.folder = folder
        self._mix = mix
        self.base: BaseModel = build_network(
            recipe.network.size(), tokenizer_of(recipe, mix), recipe.seed, recipe.name
        )
        self._tokenized = rows_of(mix, recipe.network.vocabulary, self.base.encoder())
        self._plan_file = folder / "plan.json"
        self._draft = _draft(recipe, len(self._tokenized[1]))

    def train(self, minutes: float | None, tell: Callable[[Step, Position], None]) -> Outcome:
        """Train for one pass over the mix, or as many steps as `minutes` allow; goes on where it stopped.

        Every step is told, and kept in the folder's curve.
        """
        plan = self._plan(minutes)
        torch.set_num_threads(plan.threads)
        trainer = Trainer(self.base, *self._tokenized, plan)
        checkpoints = Checkpoints(self.folder / "checkpoints")
        with (
            (self.folder / CURVE).open("a", buffering=1, encoding="utf-8") as curve,
            stop_signals(lambda: print("Saving.", flush=True)) as stop_asked,
        ):

            def on_step(step: Step, position: Position) -> None:
                curve.write(json.dumps(asdict(step)) + "\n")
                tell(step, position)

            return run(trainer, checkpoints, on_step, stop_asked)

    def told(self, outcome: Outcome, points: int) -> dict[str, Any]:
        """What the card says of a finished run; its curve as about so many validations."""
        steps = [json.loads(line) for line in (self.folder / CURVE).read_text(encoding="utf-8").splitlines()]
        # A step that was saved after it was told is told again after a kill.
        by_number = {step["number"]: step for step in steps}
        tokens, curve = 0, []
        for number in sorted(by_number):
            tokens += by_number[number]["tokens"]
            if by_number[number]["validation_nats"] is not None:
                curve.append({"step": number, "tokens": tokens, "nats": by_number[number]["validation_nats"]})
        asked_for = sum(times for _, times in _splits(self._mix)["train"])
        thinned = curve[:: -(-len(curve) // points)]
        return {
            "steps": outcome.position.step,
            "tokens": outcome.position.tokens,
            "hours": outcome.position.seconds / 3600,
            "seed": self._draft.seed,
            "too_long": asked_for - len(self._tokenized[0]),
            "validation_rows": self._draft.validation_rows,
            "curve": thinned if thinned[-1] == curve[-1] else [*thinned, curve[-1]],
        }

    def _plan(self, minutes: float | None) -> Plan:
        if self._plan_file.exists():
            return Plan.model_validate_json(self._plan_file.read_text(encoding="utf-8"))
        epoch = BatchPlan.of(self._tokenized[0].lengths, self._draft).steps_per_epoch
        # Steps are timed within a whole pass: beyond a plan's last one the rate would leave its schedule.
        whole = self._draft.model_copy(update={"steps": epoch})
        steps = epoch if minutes is None else max(1, int(minutes * 60 / self._seconds_per_step(whole)))
        every = -(-steps // VALIDATIONS) if minutes is None else steps
        plan = whole.model_copy(update={"steps": steps, "validate_every": every, "epochs": steps / epoch})
        write_text(self._plan_file, plan.model_dump_json(indent=2))
        return plan

    def _seconds_per_step(self, plan: Plan) -> float:
        trainer = Trainer(self.base, *self._tokenized, plan)
        seconds_per_step(trainer, SECONDS_TIMED)  # the first time every shape of batch is new, and slow
        seconds = seconds_per_step(trainer, SECONDS_TIMED)
        trainer.masters.widen()
        return seconds


def _draft(recipe: BaseRecipe, validation_rows: int) -> Plan:
    training = recipe.training
    return Plan(
        steps=1,
        validate_every=1,
        validation_rows=validation_rows,
        patience=0,
        learning_rate=training.learning_rate,
        schedule="linear",
        warmup=training.warmup,
        clip=1.0,
        weight_decay=training.weight_decay,
        dropout=0.0,
        batch_tokens=training.batch_tokens,
        micro_batch_tokens=min(training.batch_tokens, 4096),
        precision=choose_precision("auto", torch.device("cpu")),
        threads=torch.get_num_threads(),
        seed=recipe.seed,
    )


def print_step(step: Step, position: Position) -> None:
    """Say every fiftieth step and every validation."""
    if step.number % 50 == 0 or step.validation_nats is not None:
        judged = "" if step.validation_nats is None else f", validation {step.validation_nats:.4f}"
        speed = position.tokens / max(1e-9, position.seconds)
        print(
            f"step {step.number:,}: loss {step.loss_nats:.3f}{judged}; {position.tokens / 1e6:.2f} M tokens, "
            f"{speed:,.0f} a second",
            flush=True,
        )


def _texts(passage: Passage) -> Iterator[str]:
    if passage.title is not None:
        yield passage.title
    yield passage.text
