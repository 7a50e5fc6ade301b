"""`finetable jobs use`: a fine-tuned model answers prompts, writes texts, or labels the rows of a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from openai import OpenAI
from openai.types.fine_tuning import FineTuningJob

from finetable.data.examples import prompt_of
from finetable.data.read_table import read_table
from finetable.data.table import Table
from finetable.data.table_writer import write_table
from finetable.errors import RecipeError, RemoteError
from finetable.progress import Progress
from finetable.remote.connection import connect, described, faults_told
from finetable.remote.draft import Line
from finetable.remote.messages import messages_of
from finetable.remote.plan import Plan, plan_in
from finetable.remote.reading import columns_meant
from finetable.settings import TaskSettings
from finetable.verb_settings import UseSettings
from finetable.wording import counted
from finetable.workflow.first_checks import check_table, refuse_unwritable
from finetable.workflow.rows import tell_about_table

JOB = "ftjob"
AT_ONCE = 20
USUAL_TEMPERATURE = 0.8
LABEL_STOP = "\n"
PROMPTED = TaskSettings(write="completion", given=("prompt",))
Column = tuple[str, pa.Array]
Answers = list[dict[str, Any]]


@dataclass(frozen=True)
class _Model:
    """A fine-tuned model, how its file was prepared, and whether its server scores labels."""

    client: OpenAI
    name: str
    plan: Plan
    scores_labels: bool
    settings: UseSettings

    @property
    def labels(self) -> bool:
        return self.plan.task.name == "label"

    def answers(self, prompts: Sequence[str], first: int) -> Answers:
        """An answer to each prompt: what is written, or the label with its probability where that is told.

        `first` is the place of the first of them among all that are asked: each has a seed of its own.
        """
        if self.scores_labels:
            return self._scored(prompts)
        texts = self._chats(prompts, first) if self.plan.chat else self._completions(prompts, first)
        return [{"text": self._text(text)} for text in texts]

    def _scored(self, prompts: Sequence[str]) -> Answers:
        body = {"model": self.name, "input": [self.plan.style.prompt(prompt) for prompt in prompts]}
        found: Any = self.client.post("/finetable/classify", body=body, cast_to=object)
        return [
            {"text": one["label"], "probability": round(one["probability"], 6), "runner_up": one["runner_up"]}
            for one in found["data"]
        ]

    def _completions(self, prompts: Sequence[str], first: int) -> list[str]:
        style = self.plan.style
        stop = style.ending or (LABEL_STOP if self.labels else "")
        formed = [style.prompt(prompt) for prompt in prompts] if self.plan.task.given else list(prompts)
        options = {**self._sampling(first), **({"stop": [stop]} if stop else {})}
        found = self.client.completions.create(model=self.name, prompt=formed, **options)
        return [choice.text for choice in sorted(found.choices, key=lambda choice: choice.index)]

    def _chats(self, prompts: Sequence[str], first: int) -> list[str]:
        texts = []
        for place, prompt in enumerate(prompts, first):
            asked = prompt.lower() if self.plan.style.lower_prompts else prompt
            messages: Any = messages_of(Line(0, asked, ""), self.plan.system)[:-1]
            found = self.client.chat.completions.create(
                model=self.name,
                messages=messages or [{"role": "user", "content": ""}],
                **self._sampling(place),
            )
            texts.append(found.choices[0].message.content or "")
        return texts

    def _sampling(self, place: int) -> dict[str, Any]:
        settings = self.settings
        usual = 0.0 if self.labels else USUAL_TEMPERATURE
        seed = {} if settings.seed is None else {"seed": settings.seed + place}
        temperature = usual if settings.temperature is None else settings.temperature
        return {"temperature": temperature, "max_tokens": settings.max_tokens, **seed}

    def _text(self, text: str) -> str:
        body = self.plan.style.written(text)
        return body.strip() if self.labels else body


def check_using(table: str | None, out: Path | None, settings: UseSettings) -> None:
    """Raise a UserError for what cannot be asked."""
    refuse_unwritable(out)
    if table is None:
        return
    if settings.prompt:
        raise RecipeError("Give a table or --prompt, not both.")
    check_table(table)


def use(
    name: str, table: str | None, out: Path | None, settings: UseSettings, progress: Progress
) -> pa.Table:
    """Ask the model of a job, or one by its name, about prompts or rows; with `out` they are written there.

    Prompts take the form of those that the model learnt from, and what it writes is freed of the ending.
    """
    check_using(table, out, settings)
    with connect(settings.api, progress) as client, faults_told(settings.api.base_url):
        model = _model(client, name, settings, progress)
        if table is None:
            rows = _of_prompts(model, progress)
        else:
            source = read_table(table, settings.table)
            tell_about_table(source, progress)
            rows = _of_table(model, source, progress)
    if out is not None:
        write_table(out, rows)
        progress.say(f"Wrote {counted(rows.num_rows, 'row')} to {out}")
    return rows


def _model(client: OpenAI, name: str, settings: UseSettings, progress: Progress) -> _Model:
    jobs = client.fine_tuning.jobs
    if name.startswith(JOB):
        job = jobs.retrieve(name)
        if job.fine_tuned_model is None:
            raise RemoteError(f"The job {name} is {job.status} and has no model yet.")
        known: FineTuningJob | None = job
    else:
        known = next((job for job in jobs.list() if job.fine_tuned_model == name), None)
    model = name if known is None else str(known.fine_tuned_model)
    plan = None if known is None else plan_in(known.metadata)
    if plan is None:
        progress.warn(f"{model} does not say how its file was prepared: prompts are sent as they are")
        plan = Plan(task=PROMPTED, chat=settings.chat)
    found = described(client, model) if plan.task.name == "label" and not plan.chat else None
    return _Model(client, model, plan, found is not None and bool(found.get("labels")), settings)


def _of_prompts(model: _Model, progress: Progress) -> pa.Table:
    given = model.settings.prompt or ("",)
    if not model.settings.prompt and model.plan.task.given:
        raise RecipeError("This model answers prompts: give --prompt TEXT, or a table.")
    prompts = [prompt for prompt in given for _ in range(model.settings.n)]
    answers = _asked(model, prompts, progress)
    return pa.table({"prompt": pa.array(prompts), **dict(_columns(answers, "completion"))})


def _of_table(model: _Model, source: Table, progress: Progress) -> pa.Table:
    given = model.plan.task.given
    if not given:
        raise RecipeError("This model writes from nothing: leave the table out, and say how many with -n.")
    # The target is what is asked for: only the given columns have to be there.
    meant, _ = columns_meant(TaskSettings(write=given[0], given=given), source)
    cells = zip(*(source.texts(name).to_pylist() for name in meant.given), strict=True)
    answers = _asked(model, [prompt_of(given, row) or "" for row in cells], progress)
    target = f"{model.plan.task.target}_{'predicted' if model.labels else 'written'}"
    rows = source.columns
    for name, column in _columns(answers, target):
        if name in rows.column_names:
            raise RecipeError(f"{source.name} has a column {name!r} already; rename it first.")
        rows = rows.append_column(name, column)
    return rows


def _asked(model: _Model, prompts: Sequence[str], progress: Progress) -> Answers:
    answers: Answers = []
    with progress.bar("asking", len(prompts)) as bar:
        for start in range(0, len(prompts), AT_ONCE):
            answers += model.answers(prompts[start : start + AT_ONCE], start)
            bar.update(len(answers))
    return answers


def _columns(answers: Answers, target: str) -> list[Column]:
    """The answers as columns named like those of `classify`."""
    stem = target.removesuffix("_predicted")
    names = {"text": target, "probability": f"{stem}_probability", "runner_up": f"{stem}_runner_up"}
    return [
        (names[key], pa.array([answer[key] for answer in answers]))
        for key in names
        if answers and key in answers[0]
    ]
