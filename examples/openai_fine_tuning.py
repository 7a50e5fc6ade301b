"""Fine-tune a model with the official OpenAI client: against OpenAI once, now against `finetable serve`.

    finetable serve
    export OPENAI_BASE_URL=http://127.0.0.1:8000/v1 OPENAI_API_KEY=any
    python examples/openai_fine_tuning.py examples/films.csv --given title --target synopsis

Nothing in here knows finetable: the two variables are all that changes. `--target` is the column to write,
`--given` the one it is written from; `--chat` sends chat examples, `--label` learns to choose a label. At its
end the script deletes the model and the file that it made; the job stays.
"""

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from openai import OpenAI

ENDED = ("succeeded", "failed", "cancelled")


def examples(table: Path, given: str, target: str, chat: bool) -> Iterator[dict[str, object]]:
    """Each row as a line of a training file."""
    with table.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows):
            if not row[target]:
                continue
            if chat:
                messages = [
                    {"role": "system", "content": f"Answer with the {target}."},
                    {"role": "user", "content": row[given]},
                    {"role": "assistant", "content": row[target]},
                ]
                yield {"messages": messages}
            else:
                yield {"prompt": row[given], "completion": row[target]}


def upload(client: OpenAI, lines: Iterator[dict[str, object]]) -> str:
    """Send the training file."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        for line in lines:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
        file.flush()
        created = client.files.create(file=Path(file.name), purpose="fine-tune")
    print(f"uploaded {created.bytes:,} bytes as {created.id}")
    return client.files.wait_for_processing(created.id).id


def follow(client: OpenAI, job_id: str) -> str:
    """Print what happens until the job has ended; the name of the model."""
    seen: set[str] = set()
    while True:
        job = client.fine_tuning.jobs.retrieve(job_id)
        for event in reversed(client.fine_tuning.jobs.list_events(job_id, limit=100).data):
            if event.id not in seen and (event.type != "metrics" or "validation loss" in event.message):
                print(f"  {event.message}")
            seen.add(event.id)
        if job.status in ENDED:
            break
        time.sleep(1)
    if job.status != "succeeded" or job.fine_tuned_model is None:
        raise SystemExit(f"the job has {job.status}: {job.error.message if job.error else ''}")
    print(f"trained on {job.trained_tokens:,} tokens; metrics in {job.result_files}")
    return job.fine_tuned_model


def ask(client: OpenAI, model: str, prompt: str, chat_target: str | None) -> str:
    """One answer; to a chat that asks for `chat_target`, where there is one."""
    if chat_target is not None:
        answer = client.chat.completions.create(
            model=model,
            messages=[
                {"role": "system", "content": f"Answer with the {chat_target}."},
                {"role": "user", "content": prompt},
            ],
            max_tokens=60,
        )
        return str(answer.choices[0].message.content)
    return client.completions.create(model=model, prompt=prompt, max_tokens=60, seed=1).choices[0].text


def stream(client: OpenAI, model: str, prompt: str) -> None:
    """One answer as it is written."""
    for chunk in client.completions.create(model=model, prompt=prompt, max_tokens=60, stream=True):
        print(chunk.choices[0].text, end="", flush=True)
    print()


def main() -> None:
    """Upload, create, follow, use the final model and a checkpoint, clean up."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("table", type=Path)
    words.add_argument("--given", default="title")
    words.add_argument("--target", default="synopsis")
    words.add_argument("--model", default="small")
    words.add_argument("--epochs", type=int, default=None)
    words.add_argument("--label", action="store_true")
    words.add_argument("--chat", action="store_true")
    asked = words.parse_args()
    client = OpenAI()
    file_id = upload(client, examples(asked.table, asked.given, asked.target, asked.chat))
    job = client.fine_tuning.jobs.create(
        model=asked.model,
        training_file=file_id,
        suffix="example",
        seed=1,
        method={
            "type": "supervised",
            "supervised": {"hyperparameters": {"n_epochs": asked.epochs or "auto"}},
        },
        metadata={"label": "completion"} if asked.label else None,
    )
    print(f"created {job.id}")
    model = follow(client, job.id)
    prompt = str(next(examples(asked.table, asked.given, asked.target, chat=False))["prompt"])
    chat_target = asked.target if asked.chat else None
    print(f"{model}:\n  {ask(client, model, prompt, chat_target)}")
    for checkpoint in client.fine_tuning.jobs.checkpoints.list(job.id).data:
        name = checkpoint.fine_tuned_model_checkpoint
        print(f"after step {checkpoint.step_number}:\n  {ask(client, name, prompt, chat_target)}")
    if not asked.chat:
        stream(client, model, prompt)
    client.models.delete(model)
    client.files.delete(file_id)


if __name__ == "__main__":
    main()
