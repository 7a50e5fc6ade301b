"""The loss layer: cross-entropy in pieces beside dense cross-entropy."""

import statistics

from benchmarks.arena import Arena, Entry, ratio, take_turns
from benchmarks.results import Ratio, Section, Speed

LOSS = "benchmarks.ours_loss.Loss"


def loss_layer(arena: Arena) -> Section:
    """1,024 positions, the head of distilgpt2."""
    shape = {"positions": 1024, "width": 768, "vocabulary": 50_257}
    entries = {
        f"{name}, {precision}": Entry(LOSS, {**shape, "chunked": name == "finetable", "precision": precision})
        for precision in ("fp32", "bf16")
        for name in ("finetable", "dense")
    }
    with arena.contestants(entries) as contestants:
        speeds = take_turns(
            contestants, arena.rounds, lambda each: 1 / float(each.call("measure")["seconds"])
        )
        grown = {name: float(each.call("measure")["grown"]) for name, each in contestants.items()}
        ours, theirs = (contestants[name].call("numbers") for name in ("finetable, fp32", "dense, fp32"))
    how = (
        "Forward and backward pass of 1,024 positions and a head of 50,257 by 768; memory is what a pass "
        "takes at its peak beyond its inputs and their gradients, which it makes."
    )
    section = Section(
        "loss",
        "Loss layer",
        how,
        [Speed(name, statistics.median(found), "passes/s", grown[name]) for name, found in speeds.items()],
    )
    for precision in ("fp32", "bf16"):
        mine, other = f"finetable, {precision}", f"dense, {precision}"
        less = grown[other] / grown[mine]
        section.ratios.append(ratio(f"passes/s over dense, {precision}", speeds[mine], speeds[other], 1))
        section.ratios.append(Ratio(f"times less memory, {precision}", less, less, less, 1, 4))
    for name in ours:
        largest = max(abs(number) for number in theirs[name])
        apart = max(abs(one - other) for one, other in zip(ours[name], theirs[name], strict=True)) / largest
        section.notes.append(f"{name} (fp32): apart by {apart:.1e} of the largest number, at most.")
    return section
