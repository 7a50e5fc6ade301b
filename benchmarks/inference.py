"""Inference: rows written, and labels chosen, with a network of distilgpt2's shape."""

import statistics

from benchmarks import inputs
from benchmarks.arena import Arena, Contestant, Entry, ratio, take_turns
from benchmarks.results import Ratio, Section, Speed

WRITING = "benchmarks.ours_inference.Writing"
LABELLING = "benchmarks.ours_inference.Labelling"
GENERATE = "benchmarks.peers_inference.Generate"
CTRANSLATE2 = "benchmarks.peers_inference.CTranslate2"
PIPELINE = "benchmarks.peers_inference.Pipeline"
EVERY_LABEL = "benchmarks.peers_inference.EveryLabel"

TOKENS, TOP_K = 60, 50
LABEL_ROWS, LONGEST_PROMPT = 256, 96


def write_rows(arena: Arena) -> Section:
    """Rows of 60 tokens from nothing, drawn from the 50 likeliest tokens each."""
    folder = arena.work / "distilgpt2"
    inputs.distilgpt2(arena.models, folder)
    shared = {"folder": str(folder), "tokens": TOKENS}
    generate = {
        f"generate, {name}, {batch} rows": Entry(GENERATE, {**shared, "batch": batch, "bf16": name == "bf16"})
        for name in ("fp32", "bf16")
        for batch in (32, 128)
    }
    entries = {
        "finetable": Entry(WRITING, {**shared}),
        **generate,
        "CTranslate2, int8": Entry(CTRANSLATE2, {**shared, "batch": 128, "precision": "int8"}),
    }
    rows = 64 if arena.quick else 128
    with arena.contestants(entries) as contestants:
        tried = {name: _speed(contestants[name], rows) for name in generate}
        best = max(tried, key=tried.__getitem__)
        kept = {name: contestants[name] for name in ("finetable", best, "CTranslate2, int8")}
        speeds = take_turns(kept, arena.rounds, lambda each: _speed(each, rows))
        section = _section(
            "writing",
            "Writing rows",
            f"{rows} rows of {TOKENS} tokens in each turn, drawn from the {TOP_K} likeliest tokens. "
            f"`generate` at its best of {len(tried)} batch sizes and formats.",
            kept,
            speeds,
            "tokens/s",
        )
        texts = inputs.column(arena.data / "netflix" / "netflix_titles.csv", "description")[:500]
        rounding = kept["finetable"].call("rounding", folder=str(arena.models / "stories260K"), texts=texts)
    exact, written = rounding["bits"]
    worse = 100 * (written / exact - 1)
    what = "bits per byte, % more than in fp32"
    section.ratios.append(Ratio(what, worse, worse, worse, 1, 0.5, at_most=True))
    section.notes.append(
        f"finetable computes in {rounding['format']} here; bits per byte are those of stories260K on 500 "
        f"Netflix descriptions."
    )
    section.ratios.append(ratio(f"tokens/s over {best}", speeds["finetable"], speeds[best], 12))
    rival = "CTranslate2, int8"
    section.ratios.append(ratio(f"tokens/s over {rival}", speeds["finetable"], speeds[rival], 1))
    return section


def choose_labels(arena: Arena) -> Section:
    """The ten genres of films by their synopses."""
    folder = arena.work / "distilgpt2"
    base = inputs.distilgpt2(arena.models, folder)
    found = inputs.pairs(arena.data / "genres" / "movies.csv", "synopsis", "genre")[:LABEL_ROWS]
    labels = sorted({label for _, label in found})
    encoder = base.encoder()
    ids = encoder.prompts([text for text, _ in found], LONGEST_PROMPT)
    # What an engine is given as text comes to the same ids.
    prompts = [encoder.decode(each[1:-1]) for each in ids]
    answers = encoder.answers(labels)
    every_label = {
        "folder": str(folder),
        "rows": [[prompt + answer for answer in answers] for prompt in ids],
        "starts": [len(prompt) for prompt in ids],
        "batch": 32,
    }
    shared = {"folder": str(folder), "prompts": prompts, "labels": labels}
    entries = {
        "finetable": Entry(LABELLING, shared),
        "pipeline, row by row": Entry(PIPELINE, shared),
        "every label, fp32": Entry(EVERY_LABEL, {**every_label, "bf16": False}),
        "every label, bf16": Entry(EVERY_LABEL, {**every_label, "bf16": True}),
    }
    rows = {"finetable": 128, "pipeline, row by row": 4}
    with arena.contestants(entries) as contestants:
        speeds = take_turns(
            contestants,
            arena.rounds,
            lambda each: float(each.call("measure", rows=rows.get(each.name, 16))["rows_per_second"]),
        )
        how = (
            f"{len(labels)} labels, prompts of {sum(map(len, ids)) / len(ids):.0f} tokens on average. "
            f"The pipeline writes 8 tokens for each row and looks for a label in them; `every label` "
            f"scores each label after each prompt as lm-eval does, 32 sequences at once."
        )
        section = _section("labelling", "Choosing labels", how, contestants, speeds, "rows/s")
        judged = 16 if arena.quick else 64
        ours, theirs = (
            contestants[name].call("winners", rows=judged) for name in ("finetable", "every label, fp32")
        )
    section.ratios.append(ratio("over the pipeline", speeds["finetable"], speeds["pipeline, row by row"], 25))
    rivals = ("every label, fp32", "every label, bf16")
    best = max(rivals, key=lambda name: statistics.median(speeds[name]))
    section.ratios.append(ratio(f"over {best}", speeds["finetable"], speeds[best], 3))
    same = sum(one == other for one, other in zip(ours, theirs, strict=True))
    section.notes.append(f"The same winner as `every label, fp32` in {same} of {judged} rows.")
    return section


def _speed(contestant: Contestant, rows: int) -> float:
    return float(contestant.call("measure", rows=rows)["tokens_per_second"])


def _section(
    name: str,
    title: str,
    how: str,
    contestants: dict[str, Contestant],
    speeds: dict[str, list[float]],
    unit: str,
) -> Section:
    figures = [
        Speed(each, statistics.median(found), unit, contestants[each].peak_mb)
        for each, found in speeds.items()
    ]
    return Section(name, title, how, figures)
