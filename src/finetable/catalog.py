"""The one visible list of tasks, sources of bases and engines; imports only what is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from finetable.bench_settings import FewShotSettings
from finetable.errors import RecipeError
from finetable.settings import SHIPPED, EngineName, Recipe, TaskSettings

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

    from finetable.inference.answerer import Answerer
    from finetable.inference.engine import Engine, LabelEngine
    from finetable.models.adapters import Adapter
    from finetable.models.base_model import BaseModel
    from finetable.tasks.task import Task
    from finetable.training.journal import StepWriter


def task_of(settings: TaskSettings, labels: tuple[str, ...] = ()) -> Task:
    """The task that the settings name; `labels` where they are known already."""
    match settings.name:
        case "write":
            from finetable.tasks.write import WriteTask

            return WriteTask(settings)
        case "label":
            from finetable.tasks.label import LabelTask

            return LabelTask(settings, labels)
        case other:
            assert_never(other)


def base_of(
    recipe: Recipe, tokenizer: Callable[[], PreTrainedTokenizerFast], with_separator: bool
) -> BaseModel:
    """The base that a recipe names; `tokenizer` gives that of a base whose tokenizer the table decides."""
    match recipe.base.source:
        case "scratch":
            from finetable.models.scratch import build_scratch

            return build_scratch(recipe.scratch_size, tokenizer(), recipe.seed)
        case "shipped":
            from finetable.models.shipped import taught_words

            return taught_words(recipe.base.base, tokenizer())
        case "pretrained":
            from finetable.models.pretrained import load_pretrained

            return load_pretrained(recipe.base.base, with_separator)
        case other:
            assert_never(other)


def engine_of(
    name: EngineName, base: BaseModel, longest_prompt: int, longest_answer: int, lanes: int = 64
) -> Engine:
    """What runs a model; `lanes` rows are computed together when it writes."""
    match name:
        case "torch":
            from finetable.inference.torch_engine import TorchEngine

            return TorchEngine(base, longest_prompt, longest_answer, lanes)
        case other:
            assert_never(other)


def label_engine_of(base: BaseModel, exact: LabelEngine) -> LabelEngine:
    """What chooses labels as `exact` does, faster where the processor has narrow products."""
    from finetable.inference.quick_labels import QuickLabels

    return QuickLabels(base, exact)


def adapter_of(network: PreTrainedModel, recipe: Recipe) -> Adapter | None:
    """The adapter that a recipe asks for, inside the network; None where it asks for none."""
    if recipe.base.lora is None:
        return None
    try:
        from finetable.models.adapters import Adapter
    except ImportError as fault:
        raise RecipeError("--lora needs the extra of that name: pip install 'finetable[lora]'.") from fault
    return Adapter(network, recipe.base.lora, recipe.seed)


def step_writer_of(tensorboard: bool) -> Callable[[Path], StepWriter]:
    """What opens, in a folder, what keeps the figures of the steps besides the model folder itself."""
    from finetable.training.journal import NoWriter

    if not tensorboard:
        return lambda _: NoWriter()
    try:
        from finetable.training.tensorboard_log import TensorboardLog
    except ImportError as fault:
        raise RecipeError(
            "--tensorboard needs the extra of that name: pip install 'finetable[tensorboard]'."
        ) from fault
    return TensorboardLog


def few_shot_base_of(settings: FewShotSettings) -> BaseModel:
    """A base in memory that is shown examples, as it came."""
    from finetable.models.base_model import to_best_device
    from finetable.models.pretrained import load_pretrained
    from finetable.models.shipped import load_shipped

    load = load_shipped if settings.model == SHIPPED else load_pretrained
    base = load(settings.model, with_separator=False)
    to_best_device(base.network)
    return base


def answerer_of(settings: FewShotSettings, cache: Path) -> Answerer:
    """What answers few-shot prompts: a base in memory, or a model at an address whose answers are kept."""
    if settings.url is None:
        from finetable.inference.local_answers import LocalAnswerer

        return LocalAnswerer(few_shot_base_of(settings), settings.tokens)
    try:
        from finetable.inference.openai_engine import open_engine
    except ImportError as fault:
        raise RecipeError(
            "A model at an address needs the extra 'remote': pip install 'finetable[remote]'."
        ) from fault
    return open_engine(settings, cache)
