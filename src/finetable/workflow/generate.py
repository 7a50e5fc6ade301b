"""New rows written by a model."""

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import count
from pathlib import Path

import pyarrow as pa
import torch

from finetable.data.copies import COPIED_RUN
from finetable.data.examples import prompt_of
from finetable.data.table_writer import write_table
from finetable.frozen_rows import SplitRows
from finetable.inference.engine import Request
from finetable.inference.predict import Writing, write_rows
from finetable.models.fast_training import speed_up
from finetable.models.number_format import has_bf16_products, set_format
from finetable.progress import Progress
from finetable.verb_settings import GenerateSettings
from finetable.wording import are_counted, counted, quoted
from finetable.workflow.first_checks import check_generating, named_values
from finetable.workflow.given_values import GivenValues, Values
from finetable.workflow.opened import OpenModel, open_model
from finetable.workflow.training_texts import training_index

NEAREST_SHOWN = 3
WRITTEN_AT_ONCE = 4_096
"""Rows whose prompts are tokens at the same time, so that memory does not grow with all rows asked for."""


def generate_rows(path: Path, out: Path | None, settings: GenerateSettings, progress: Progress) -> pa.Table:
    """Write new rows; with `out` also into that file.

    The columns are the given ones, the target under its own name, `copied_words` (longest run of words
    shared with one training row) and `nearest_row` (row id of the training row most like it).
    """
    check_generating(path, out, settings)
    at_once = max(settings.batch_size, WRITTEN_AT_ONCE)
    written = pa.concat_tables(stream_rows(path, settings, progress, at_once))
    if out is not None:
        write_table(out, written)
        progress.say(f"Wrote {counted(written.num_rows, 'row')} to {out}")
    return written


def stream_rows(
    path: Path, settings: GenerateSettings, progress: Progress, at_once: int
) -> Iterator[pa.Table]:
    """The rows of `generate_rows`, so many at once, in their order."""
    model = open_model(path)
    network = model.base.network
    # Who asks for the likeliest token gets exactly that one; a draw bears the rounding.
    if settings.sampling.temperature > 0 and has_bf16_products(network.device):
        set_format(network, torch.bfloat16)
        speed_up(network)
    rows = model.folder.read_rows()
    train = rows.of("train")
    names = model.task.settings.given
    named = named_values(settings.given, names)
    for name, value in named.items():
        _warn_of_unseen(name, value, train.texts(name).to_pylist(), progress)
    given = GivenValues(names, train).draw(named, settings.sampling.seed, range(settings.n))
    requests = [
        Request(row, prompt_of(names, [values[name] for name in names]), settings.prefix)
        for row, values in enumerate(given)
    ]
    index = training_index(model.task, model.folder, rows)
    assert index is not None, "a writer has one"
    engine, choice = model.engine(), (not settings.allow_copies, settings.batch_size)
    told: list[Writing] = []
    cut = 0
    done = count()
    with progress.bar("writing", len(requests)) as bar:
        for first in range(0, len(requests), at_once):
            asked = requests[first : first + at_once]
            written = write_rows(
                engine, index, asked, settings.sampling, choice, lambda: bar.update(next(done) + 1)
            )
            told.append(written)
            cut += len(engine.too_long([request.prompt for request in asked], [settings.prefix]))
            yield _as_columns(model, given[first : first + at_once], written, train, settings)
    if cut:
        progress.warn(
            f"{are_counted(cut, 'row')} given more than the model can see; the end of it was not read"
        )
    _tell(told, settings, progress)


def _warn_of_unseen(name: str, value: str, there: Sequence[str], progress: Progress) -> None:
    """Say that no training row has a value, but not where values hardly ever come again, as titles."""
    known = Counter(there)
    if value in known or 2 * len(known) > len(there):
        return
    near = get_close_matches(value, known, n=NEAREST_SHOWN, cutoff=0.5)
    shown = quoted(near or [often for often, _ in known.most_common(NEAREST_SHOWN)], NEAREST_SHOWN)
    kind = "nearest" if near else "most frequent"
    progress.warn(
        f"No training row has the {name} {value!r}, so the model has never seen it; the {kind}: {shown}"
    )


def _as_columns(
    model: OpenModel, given: list[Values], writing: Writing, train: SplitRows, settings: GenerateSettings
) -> pa.Table:
    skipped = 0 if settings.include_prefix else len(settings.prefix)
    ids = train.row_ids
    nearest = [int(ids[row.copy.nearest_row]) if row.copy.nearest_row >= 0 else None for row in writing.rows]
    columns = {
        name: pa.array([values[name] for values in given], pa.large_string())
        for name in model.task.settings.given
    }
    columns[model.task.settings.target] = pa.array(
        [row.text[skipped:] for row in writing.rows], pa.large_string()
    )
    columns["copied_words"] = pa.array([row.copy.words for row in writing.rows], pa.int64())
    columns["nearest_row"] = pa.array(nearest, pa.int64())
    return pa.table(columns)


def _tell(written: Sequence[Writing], settings: GenerateSettings, progress: Progress) -> None:
    rows = [row for piece in written for row in piece.rows]
    redrawn, left = sum(piece.redrawn for piece in written), sum(piece.copies_left for piece in written)
    unended = sum(not row.ended for row in rows)
    if unended:
        progress.warn(f"{unended:,} of {counted(len(rows), 'text')} cut at the most tokens (--max-tokens)")
    if redrawn:
        progress.say(f"{counted(redrawn, 'draft')} with {COPIED_RUN} or more words of a training row redrawn")
    if left:
        greedy = settings.sampling.temperature == 0
        redrawn_in_vain = "they would come out the same again" if greedy else "still there after all redraws"
        kept = "kept as asked" if settings.allow_copies else redrawn_in_vain
        progress.warn(f"{counted(left, 'row')} with {COPIED_RUN} or more copied words: {kept}")
