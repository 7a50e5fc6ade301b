"""What a tutorial writes to train on a column of a CSV; prints a line when its first step is done.

python -m benchmarks.hugging_face_script FOLDER TABLE COLUMN
"""

import sys
import tempfile

import pandas
from datasets import Dataset
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)


class Teller(TrainerCallback):
    """Says when the first step is done."""

    def on_step_end(self, *_: object, **__: object) -> None:
        """After a step."""
        print("first step", flush=True)


folder, table, column = sys.argv[1:]
texts = pandas.read_csv(table)[column].dropna().tolist()
tokenizer = AutoTokenizer.from_pretrained(folder)
network = AutoModelForCausalLM.from_pretrained(folder)
rows = Dataset.from_dict({"text": texts}).map(
    lambda batch: tokenizer([text + tokenizer.eos_token for text in batch["text"]]),
    batched=True,
    remove_columns=["text"],
)
with tempfile.TemporaryDirectory() as out:
    arguments = TrainingArguments(
        output_dir=out, max_steps=1, per_device_train_batch_size=32, use_cpu=True, report_to="none"
    )
    Trainer(
        model=network,
        args=arguments,
        train_dataset=rows,
        data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
        callbacks=[Teller()],
    ).train()
