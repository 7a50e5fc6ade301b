"""What can be refused before any work: nothing here loads what computes, so that a slip costs no wait."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from finetable.bench_settings import BenchSettings
from finetable.data.column_names import find_column
from finetable.data.table_file import HUB_PREFIX, KNOWN_ENDINGS, TableFile, kind_of, reading_faults
from finetable.errors import ColumnError, ModelFolderError, RecipeError
from finetable.record import RECORD, Record, read_finished, read_record
from finetable.settings import Recipe, TaskName, TaskSettings
from finetable.verb_settings import EvaluateSettings, GenerateSettings, ProfileSettings
from finetable.wording import quoted
from finetable.workflow.contestant_names import SPELLINGS, Contestant, contestant_of

COLUMNS_LISTED = 20
OTHER_VERB: dict[TaskName, str] = {"write": "generate", "label": "classify"}


def check_training(table: str, out: Path, recipe: Recipe) -> Record | None:
    """The record of an earlier call, None for a new folder; raises a UserError for what cannot start."""
    recipe.check()
    earlier = _begun(out)
    check_table(table)
    return earlier


def check_profiling(table: str, out: Path | None, settings: ProfileSettings) -> None:
    """Raise a UserError where a table cannot be looked at."""
    if settings.task.is_named:
        settings.task.check()
    settings.base.check()
    refuse_existing(out)
    check_table(table)


def check_generating(folder: Path, out: Path | None, settings: GenerateSettings) -> None:
    """Raise a UserError where a folder cannot write rows, or is not given a column that is named."""
    record = _finished_for("write", folder)
    named_values(settings.given, record.recipe.task.given)
    refuse_unwritable(out)


def check_classifying(folder: Path, table: str, out: Path | None) -> None:
    """Raise a UserError where a folder cannot label a table."""
    _finished_for("label", folder)
    refuse_unwritable(out)
    check_table(table)


def check_comparing(folders: Sequence[Path], out: Path | None) -> None:
    """Raise RecipeError for fewer than two runs or runs of different jobs, ModelFolderError for no run."""
    refuse_existing(out)
    if len(folders) < 2:
        raise RecipeError("Name at least two model folders to compare.")
    if len({read_finished(folder).recipe.task.name for folder in folders}) > 1:
        raise RecipeError("Some of these models write and others label; compare those of one job.")


def check_benching(table: str, out: Path | None, settings: BenchSettings) -> list[Contestant]:
    """The contestants; raises a UserError where one cannot take part."""
    settings.task.check()
    if not settings.contestant:
        raise RecipeError(f"Name at least one --contestant: {', '.join(SPELLINGS)}.")
    twice = [name for name, times in Counter(settings.contestant).items() if times > 1]
    if twice:
        raise RecipeError(f"The contestant {twice[0]} is named twice; name each once.")
    contestants = [contestant_of(name) for name in settings.contestant]
    for contestant in contestants:
        if contestant.word == "model":
            _finished_for(settings.task.name, contestant.folder)
        elif settings.task.name == "write":
            _check_writing(contestant, settings.task)
    refuse_existing(out)
    check_table(table)
    return contestants


def check_evaluating(table: str | None, settings: EvaluateSettings) -> None:
    """Raise a UserError for a table that cannot be read, and for options of a table where none is named."""
    if table is not None:
        check_table(table)
    elif settings != EvaluateSettings():
        raise RecipeError(
            "--include-seen, --batch-size and how a table is read are for another table: name one, or leave "
            "them out."
        )


def check_table(table: str) -> None:
    """Raise TableError for a file that is not there or cannot be read, is empty or has an unknown ending."""
    if not table.startswith(HUB_PREFIX):
        with reading_faults(table):
            TableFile.find(table, Path(table).expanduser())


def refuse_existing(out: Path | None) -> None:
    """Raise RecipeError where `out` is there already (it is never overwritten), or its folder is not."""
    if out is None:
        return
    if out.exists():
        raise RecipeError(f"{out} exists already; choose another --out, or move it away.")
    if not out.parent.is_dir():
        raise RecipeError(f"The folder {out.parent} does not exist; make it first, or choose another --out.")


def refuse_unwritable(out: Path | None) -> None:
    """Raise RecipeError where no table can be written to `out`."""
    refuse_existing(out)
    if out is not None and kind_of(out.name) is None:
        raise RecipeError(f"{out} has no known ending; let --out end in {KNOWN_ENDINGS}.")


def named_values(pairs: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """The values of given columns from COLUMN=VALUE; raises a UserError where a pair is none."""
    named = {}
    for pair in pairs:
        if "=" not in pair:
            raise RecipeError(f"--given {pair!r} has no '='; write it as COLUMN=VALUE.")
        # A name may hold a "=" of its own.
        name = max((name for name in names if pair.startswith(f"{name}=")), key=len, default=None)
        if name is None:
            name = find_column(pair.partition("=")[0], names)
        if name not in names:
            known = quoted(names, COLUMNS_LISTED) if names else "none"
            raise ColumnError(f"The model is given no column {name!r}; the columns it is given: {known}.")
        named[name] = pair[len(name) + 1 :] if pair.startswith(f"{name}=") else pair.partition("=")[2]
    return named


def _begun(out: Path) -> Record | None:
    """The record of an earlier call; raises ModelFolderError for a folder that is somebody else's."""
    try:
        if not out.exists() or (out.is_dir() and not any(out.iterdir())):
            return None
        is_ours = (out / RECORD).exists()
    except OSError as fault:
        raise ModelFolderError(f"{out} cannot be read ({fault.strerror}); choose another --out.") from fault
    if not is_ours:
        raise ModelFolderError(f"{out} exists and is no model folder of finetable; choose another --out.")
    return read_record(out)


def _check_writing(contestant: Contestant, task: TaskSettings) -> None:
    """Raise RecipeError for one that is not trained and cannot write."""
    few_shot = contestant.few_shot
    if few_shot is None:
        raise RecipeError(
            f"{contestant.word} labels and does not write; the compressor xz is beside writers unasked."
        )
    refused = {
        "with --write, models are prompted on this machine only; leave url= out.": few_shot.url is not None,
        "pick=balanced is for labels; use pick=random or pick=nearest.": few_shot.pick == "balanced",
        "labels= is for labels, and nothing is labelled with --write; leave it out.": not few_shot.labels,
        "pick=nearest needs something to be near to; name columns with --given, or use pick=random.": (
            few_shot.pick == "nearest" and not task.given
        ),
    }
    for told, is_so in refused.items():
        if is_so:
            raise RecipeError(f"{contestant.name}: {told}")


def _finished_for(job: TaskName, folder: Path) -> Record:
    record = read_finished(folder)
    task = record.recipe.task
    if task.name != job:
        raise RecipeError(
            f"{folder} was trained to {task.name} {task.target!r}, not to {job}; use {OTHER_VERB[task.name]}."
        )
    return record
