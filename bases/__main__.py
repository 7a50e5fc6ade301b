"""How finetable's own base is made.

python -m bases mix      # the text, into --work
python -m bases trial --minutes 3 --set network.width=256   # a trial run, a line in trials.jsonl
python -m bases make     # trains, judges and packs the base; the same command goes on after a stop
python -m bases accept --minutes 5   # fine-tunes it beside a fresh network on real tables
"""

import argparse
import json
import os
import shutil
import time
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from bases.acceptance import accept, runs_of, table_of
from bases.card import model_card
from bases.few_labels import draw_few_labels, few_labels
from bases.judging import bits_per_byte, longest_copies, written
from bases.mix import FORBIDDEN, MANIFEST, MIX, OVERLAPPING, TRAINED, make_mix, read_mix, read_overlapping
from bases.packing import pack, rounded
from bases.passages import held_out_passages
from bases.recipe import BaseRecipe
from bases.rivals import scratch_bits_per_byte
from bases.training import BaseRun, print_step
from finetable.atomic_files import write_json, write_text
from finetable.models.base_model import BaseModel

HERE = Path(__file__).parent
SAMPLES, SAMPLE_TOKENS, SHOWN = 1_000, 120, 20
TRIALS = "trials.jsonl"
POINTS = 20
"""Validations of the loss curve that the card shows."""


def main() -> None:
    asked = _asked()
    if asked.stage == "accept":
        _accept(asked)
        return
    recipe = BaseRecipe.read(asked.recipe, dict(change.split("=", 1) for change in asked.set))
    mix = asked.work / ("mix-share-alike" if recipe.sources.with_share_alike else "mix")
    recipe.keep_beside(mix, "passes", "sources")
    if not (mix / MANIFEST).exists():
        make_mix(recipe, asked.data, mix)
    if asked.stage == "trial":
        _trial(recipe, asked, mix)
    if asked.stage == "make":
        _make(recipe, asked, mix)


def _accept(asked: argparse.Namespace) -> None:
    results = accept(asked.data, asked.work / "acceptance", asked.minutes)
    means, runs = table_of(results), runs_of(results)
    asked.records.mkdir(exist_ok=True)
    write_text(
        asked.records / "acceptance.md",
        f"# `small` beside `scratch`\n\n{asked.minutes:g} minutes each, the few tweets for the default "
        f"number of epochs, on {asked.machine}: the mean over\nthe seeds, least and greatest.\n\n{means}\n"
        f"![Accuracy by labelled rows](few_labels.svg)\n\nEach run, "
        f"with its 95 % interval:\n\n{runs}",
    )
    draw_few_labels(few_labels(results), asked.records / "few_labels.svg")
    print(means)


def _make(recipe: BaseRecipe, asked: argparse.Namespace, mix: Path) -> None:
    run = BaseRun(recipe, mix, asked.work / recipe.name)
    outcome = run.train(None, print_step)
    if not outcome.finished:
        return
    base = rounded(run.base)
    facts = {
        "network": {
            **recipe.network.model_dump(),
            "name": recipe.name,
            "parameters": sum(weight.numel() for weight in base.network.parameters()),
            "context": base.context,
        },
        "share_alike": recipe.sources.with_share_alike,
        "sources": json.loads((mix / MANIFEST).read_text(encoding="utf-8"))["sources"],
        "training": {**recipe.training.model_dump(), **run.told(outcome, POINTS), "machine": asked.machine},
        **_judged(base, recipe, asked, mix),
        "trials": _lines(asked.work / TRIALS),
    }
    pack(base, model_card(facts), asked.out)
    asked.records.mkdir(exist_ok=True)
    write_json(asked.records / "judged.json", facts)
    for name in (MANIFEST, TRAINED, FORBIDDEN):
        shutil.copy(mix / name, asked.records / name)


def _judged(base: BaseModel, recipe: BaseRecipe, asked: argparse.Namespace, mix: Path) -> dict[str, Any]:
    held_out = list(held_out_passages(asked.data, frozenset(recipe.sources.share_alike)))
    found, how = {recipe.name: bits_per_byte(base, held_out)}, "All: the mean of the kinds."
    if asked.minutes:
        found["scratch"] = scratch_bits_per_byte(mix, held_out, asked.minutes, mix / "scratch")
        how += (
            f" scratch: `--base scratch` taught for {asked.minutes:g} minutes by passages of that kind "
            "alone, each kind by a network of its own."
        )
    texts = written(base, SAMPLES, SAMPLE_TOKENS, recipe.seed)
    trained = [passage.text for passage, _ in read_mix(mix / MIX)]
    # Evenly, as they stand kind by kind.
    real = [held_out[place * len(held_out) // SAMPLES].text for place in range(SAMPLES)]
    copies = longest_copies(trained, read_overlapping(mix / OVERLAPPING), texts, real)
    return {
        "bits_per_byte": found,
        "judged_how": how,
        "copying": {"samples": len(texts), "tokens": SAMPLE_TOKENS, "seed": recipe.seed, **copies},
        "samples": texts[:SHOWN],
    }


def _trial(recipe: BaseRecipe, asked: argparse.Namespace, mix: Path) -> None:
    folder = Path(mkdtemp(prefix="trial-", dir=asked.work))
    begun = time.perf_counter()
    run = BaseRun(recipe, mix, folder)
    outcome = run.train(asked.minutes, print_step)
    if not outcome.finished:
        return
    held_out = list(held_out_passages(asked.data, frozenset(recipe.sources.share_alike)))
    line = {
        "changes": asked.set,
        "minutes": asked.minutes,
        "parameters": sum(weight.numel() for weight in run.base.network.parameters()),
        "steps": outcome.position.step,
        "tokens": outcome.position.tokens,
        "seconds": round(time.perf_counter() - begun),
        "bits_per_byte": {
            kind: round(value, 4) for kind, value in bits_per_byte(run.base, held_out[::4]).items()
        },
    }
    with (asked.work / TRIALS).open("a", encoding="utf-8") as trials:
        trials.write(json.dumps(line) + "\n")
    print(json.dumps(line), flush=True)
    shutil.rmtree(folder)


def _lines(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bases", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("stage", choices=["mix", "trial", "make", "accept"])
    parser.add_argument("--recipe", type=Path, default=HERE / "recipe.toml")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument(
        "--minutes",
        type=float,
        default=3.0,
        help="of each trial, and of each rival, of which 0 makes none",
    )
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    parser.add_argument(
        "--records",
        type=Path,
        default=HERE / "small",
        help="where the manifest and what was measured are kept",
    )
    parser.add_argument("--out", type=Path, default=HERE.parent / "src" / "finetable" / "bases" / "small")
    parser.add_argument("--machine", default=f"{os.cpu_count()} cores", help="in the words of the card")
    parser.add_argument("--work", type=Path, default=HERE.parent.parent / "base-work")
    return parser.parse_args()


if __name__ == "__main__":
    main()
