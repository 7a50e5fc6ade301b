"""Training: a pretrained shape to write and to label, and a fresh small network."""

import statistics
from pathlib import Path

from benchmarks import inputs
from benchmarks.arena import Arena, Contestant, Entry, ratio, take_turns
from benchmarks.results import Ratio, Section, Speed

OURS = "benchmarks.ours_training.Training"
PRODUCTS = "benchmarks.ours_training.Products"
THEIRS = "benchmarks.hugging_face_training.Training"
GFLOP_PER_TOKEN = 0.490
"""Six operations for each of the 81.1 million weights in products, and attention, for a token trained."""

BATCH, BATCH_TOKENS = 32, 1024
SEEDS = (1, 2, 3)


def write_job(arena: Arena) -> Section:
    """Netflix descriptions, a network of distilgpt2's shape."""
    folder, rows = arena.work / "distilgpt2", arena.work / "netflix.json"
    base = inputs.distilgpt2(arena.models, folder)
    texts = inputs.column(arena.data / "netflix" / "netflix_titles.csv", "description")
    inputs.write_rows(base.encoder(), [None] * len(texts), texts, 128, rows)
    entries = {
        "finetable": _ours(folder, rows, 1e-4),
        "Trainer, as in tutorials": _theirs(folder, rows, 2, 1e-4, tuned=False, bf16=False),
        "Trainer, tuned": _theirs(folder, rows, BATCH, 1e-4, tuned=True, bf16=True),
    }
    tokens = 2_000 if arena.quick else 6_000
    with arena.contestants(entries) as contestants:
        speeds = _speeds(arena, contestants, tokens)
        section = _section("training", "Training to write, distilgpt2's shape", contestants, speeds)
        section.ratios.append(_over(speeds, "Trainer, as in tutorials", 6))
        section.ratios.append(_over(speeds, "Trainer, tuned", 1.6))
        section.ratios.append(_memory(contestants, 0.7))
        if not arena.quick:
            section.notes.append(_same_loss(contestants, 20_000))
    section.ratios.append(_share_of_products(arena, statistics.median(speeds["finetable"])))
    return section


def label_job(arena: Arena) -> Section:
    """Sentiments of tweets, a network of distilgpt2's shape; only the label carries loss."""
    folder, rows = arena.work / "distilgpt2_labels", arena.work / "tweets.json"
    base = inputs.distilgpt2(arena.models, folder)
    found = inputs.pairs(arena.data / "tweets" / "train.csv", "text", "sentiment")
    inputs.write_rows(base.encoder(), [text for text, _ in found], [label for _, label in found], 128, rows)
    entries = {
        "finetable": _ours(folder, rows, 1e-4),
        "Trainer, tuned": _theirs(folder, rows, BATCH, 1e-4, tuned=True, bf16=True),
    }
    with arena.contestants(entries) as contestants:
        speeds = _speeds(arena, contestants, 2_000 if arena.quick else 8_000)
        section = _section("labels", "Training to label, distilgpt2's shape", contestants, speeds)
        section.ratios.append(_over(speeds, "Trainer, tuned", 3))
        section.ratios.append(_memory(contestants, None))
        if not arena.quick:
            section.notes.append(_same_loss(contestants, 30_000))
    return section


def scratch_job(arena: Arena) -> Section:
    """Netflix descriptions, the fresh network of `--base scratch --size small`."""
    folder, rows = arena.work / "scratch", arena.work / "netflix_scratch.json"
    texts = inputs.column(arena.data / "netflix" / "netflix_titles.csv", "description")
    base = inputs.scratch(texts, folder)
    inputs.write_rows(base.encoder(), [None] * len(texts), texts, 256, rows)
    entries = {
        "finetable": _ours(folder, rows, 3e-3),
        "Trainer, tuned": _theirs(folder, rows, BATCH, 3e-3, tuned=True, bf16=True),
        "Trainer, tuned, fp32": _theirs(folder, rows, BATCH, 3e-3, tuned=True, bf16=False),
    }
    with arena.contestants(entries) as contestants:
        speeds = _speeds(arena, contestants, 10_000 if arena.quick else 30_000)
        section = _section("scratch", "Training to write, a fresh small network", contestants, speeds)
        rivals = [name for name in speeds if name != "finetable"]
        best = max(rivals, key=lambda name: statistics.median(speeds[name]))
        section.ratios.append(_over(speeds, best, 2))
        if not arena.quick:
            chosen = {name: contestants[name] for name in ("finetable", best)}
            section.notes.append(_same_loss(chosen, 200_000))
    return section


def _ours(folder: Path, rows: Path, rate: float) -> Entry:
    words = {"folder": str(folder), "rows": str(rows), "batch_tokens": BATCH_TOKENS, "rate": rate}
    return Entry(OURS, {**words, "precision": "auto"})


def _theirs(folder: Path, rows: Path, batch: int, rate: float, *, tuned: bool, bf16: bool) -> Entry:
    words = {"folder": str(folder), "rows": str(rows), "batch": batch, "rate": rate}
    return Entry(THEIRS, {**words, "tuned": tuned, "bf16": bf16})


def _speeds(arena: Arena, contestants: dict[str, Contestant], tokens: int) -> dict[str, list[float]]:
    def call(contestant: Contestant) -> float:
        slow = "tutorials" in contestant.name
        return float(contestant.call("measure", tokens=tokens // 8 if slow else tokens)["tokens_per_second"])

    return take_turns(contestants, arena.rounds, call)


def _section(
    name: str, title: str, contestants: dict[str, Contestant], speeds: dict[str, list[float]]
) -> Section:
    how = (
        f"Useful tokens a second. finetable in {contestants['finetable'].call('precision')}, batches of "
        f"{BATCH_TOKENS:,} tokens; the tuned Trainer grouped by length, {BATCH} rows; as in tutorials: "
        f"every row padded to the longest of the table, 2 rows, fp32. AdamW, the same rate and ids for all."
    )
    figures = [
        Speed(each, statistics.median(found), "tokens/s", contestants[each].peak_mb)
        for each, found in speeds.items()
    ]
    return Section(name, title, how, figures)


def _over(speeds: dict[str, list[float]], rival: str, wanted: float) -> Ratio:
    return ratio(f"tokens/s over {rival}", speeds["finetable"], speeds[rival], wanted)


def _memory(contestants: dict[str, Contestant], wanted: float | None) -> Ratio:
    share = contestants["finetable"].peak_mb / contestants["Trainer, tuned"].peak_mb
    return Ratio("peak memory beside Trainer, tuned", share, share, share, 1, wanted, at_most=True)


def _share_of_products(arena: Arena, tokens_per_second: float) -> Ratio:
    words = {"width": 768, "layers": 6, "vocabulary": 50_257, "rows": BATCH_TOKENS}
    with arena.contestants({"products": Entry(PRODUCTS, words)}) as contestants:
        products = contestants["products"]
        rates = {each: products.call("measure", precision=each)["gflops"] for each in ("fp32", "bf16")}
    share = tokens_per_second * GFLOP_PER_TOKEN / max(rates.values())
    what = f"share of the products' rate ({rates['fp32']:.0f} GFLOP/s fp32, {rates['bf16']:.0f} bf16)"
    return Ratio(what, share, share, share, 1, 0.65)


def _same_loss(contestants: dict[str, Contestant], tokens: int) -> str:
    found = {
        name: [contestant.call("learn", tokens=tokens, seed=seed) for seed in SEEDS]
        for name, contestant in contestants.items()
        if "tutorials" not in name
    }
    parts = []
    for name, runs in found.items():
        nats = [run["nats"] for run in runs]
        mean, deviation = statistics.mean(nats), statistics.stdev(nats)
        seconds = statistics.median(run["seconds"] for run in runs)
        parts.append(f"{name} {mean:.3f} (standard deviation {deviation:.3f}) in {seconds:.0f} s")
    head = f"Held-out cross-entropy, nats per token, after {tokens:,} tokens, {len(SEEDS)} seeds: "
    return head + "; ".join(parts) + "."
