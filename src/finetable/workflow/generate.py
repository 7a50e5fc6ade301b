"""New rows written by a model."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from finetable.data.copies import COPIED_RUN, CopyIndex
from finetable.data.examples import prompt_of
from finetable.data.table_writer import write_table
from finetable.frozen_rows import SplitRows
from finetable.inference.engine import Request
from finetable.inference.predict import Writing, write_rows
from finetable.progress import Progress
from finetable.verb_settings import GenerateSettings
from finetable.wording import counted
from finetable.workflow.first_checks import check_generating, named_values
from finetable.workflow.judging import training_index
from finetable.workflow.opened import OpenModel, open_model

GivenValues = list[dict[str, str]]


def generate_rows(path: Path, out: Path | None, settings: GenerateSettings, progress: Progress) -> pa.Table:
    """Write new rows; with `out` also into that file.

    The columns are the given ones, the target under its own name, `copied_words` (longest run of words
    shared with one training row) and `nearest_row` (row id of the training row most like it).
    """
    check_generating(path, out, settings)
    model = open_model(path)
    rows = model.folder.read_rows()
    train = rows.of("train")
    given = _given_values(model, train, settings)
    names = model.task.settings.given
    requests = [
        Request(row, prompt_of(names, [values[name] for name in names]), settings.prefix)
        for row, values in enumerate(given)
    ]
    index = training_index(model.task, model.folder, rows)
    assert index is not None, "a writer has one"
    writing = _write(model, index, requests, settings, progress)
    written = _as_columns(model, given, writing, train, settings)
    _tell(writing, settings, progress)
    if out is not None:
        write_table(out, written)
        progress.say(f"Wrote {counted(written.num_rows, 'row')} to {out}")
    return written


def _given_values(model: OpenModel, train: SplitRows, settings: GenerateSettings) -> GivenValues:
    """The given columns of each row: as named, the rest drawn from training rows that have what was named."""
    names = model.task.settings.given
    named = named_values(settings.given, names)
    columns = {name: train.texts(name).to_pylist() for name in names}
    fitting = [row for row in range(len(train)) if all(columns[name][row] == named[name] for name in named)]
    candidates = fitting or range(len(train))
    drawn = []
    for row in range(settings.n):
        pick = int(np.random.default_rng([settings.sampling.seed, row]).integers(len(candidates)))
        drawn.append({name: columns[name][candidates[pick]] for name in names} | named)
    return drawn


def _write(
    model: OpenModel,
    index: CopyIndex,
    requests: list[Request],
    settings: GenerateSettings,
    progress: Progress,
) -> Writing:
    done = 0
    with progress.bar("writing", len(requests)) as bar:

        def count() -> None:
            nonlocal done
            done += 1
            bar.update(done)

        return write_rows(
            model.engine(),
            index,
            requests,
            settings.sampling,
            (not settings.allow_copies, settings.batch_size),
            count,
        )


def _as_columns(
    model: OpenModel, given: GivenValues, writing: Writing, train: SplitRows, settings: GenerateSettings
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


def _tell(writing: Writing, settings: GenerateSettings, progress: Progress) -> None:
    unended = sum(not row.ended for row in writing.rows)
    if unended:
        progress.warn(
            f"{unended:,} of {counted(len(writing.rows), 'text')} cut at the most tokens (--max-tokens)"
        )
    if writing.redrawn:
        progress.say(
            f"{counted(writing.redrawn, 'draft')} with {COPIED_RUN} or more words of a training row redrawn"
        )
    if writing.copies_left:
        kept = "kept as asked" if settings.allow_copies else "still there after all redraws"
        progress.warn(f"{counted(writing.copies_left, 'row')} with {COPIED_RUN} or more copied words: {kept}")
