"""The model card of a base."""

from typing import Any

from bases.card import model_card, one_line

SOURCE = {
    "kind": "fiction",
    "source": "a/source",
    "licence": "CC0 1.0",
    "read": 12,
    "shared_with_forbidden": 1,
    "near_duplicates": 2,
    "not_drawn": 0,
    "trained": 9,
    "seen_characters": 1_800_000,
}
FACTS: dict[str, Any] = {
    "network": {"name": "tiny", "parameters": 1234, "layers": 1, "width": 32, "heads": 2, "vocabulary": 400}
    | {"context": 1024},
    "share_alike": False,
    "sources": [SOURCE, SOURCE | {"kind": "news", "seen_characters": 200_000}],
    "training": {
        "tokens": 2_000_000,
        "steps": 1000,
        "batch_tokens": 2048,
        "hours": 0.25,
        "machine": "two cores",
        "learning_rate": 2e-3,
        "seed": 0,
        "validation_rows": 40,
        "too_long": 3,
        "curve": [
            {"step": 500, "tokens": 1_000_000, "nats": 5.1},
            {"step": 1000, "tokens": 2e6, "nats": 4.9},
        ],
    },
    "bits_per_byte": {"tiny": {"fiction": 1.9, "all": 1.95}, "scratch": {"fiction": 2.1, "all": 2.2}},
    "judged_how": "scratch: five minutes.",
    "trials": [
        {"changes": ["width 64"], "minutes": 2.0, "parameters": 5_000_000, "steps": 9, "tokens": 1_000_000}
        | {"bits_per_byte": {"all": 2.5}}
    ],
    "copying": {"samples": 1000, "tokens": 120, "seed": 0}
    | {f"{who}_{what}": 0.25 for who in ("written", "real") for what in ("median", "longest")}
    | {f"{who}_share_of_12_words": 0.25 for who in ("written", "real")},
    "samples": ["A *story*\nwith | signs", "Another."],
}


def test_every_table_of_the_card_is_one() -> None:
    """A row of a table stands right below the row before, and has as many cells as its head."""
    tables = [
        block.splitlines() for block in model_card(FACTS).split("\n\n") if block.lstrip().startswith("|")
    ]
    assert [len(table) for table in tables] == [4, 4, 4, 3, 4]
    for table in tables:
        cells = {line.replace("\\|", "").count("|") for line in table}
        assert len(cells) == 1
        assert set(table[1]) <= set("|-:")


def test_the_card_says_what_was_counted() -> None:
    card = model_card(FACTS)
    assert "2 million characters, counting every pass, in 18\npassages, none of a share-alike" in card
    assert "licence. 40 of them served\nfor validation only, and 3 turns of passages longer" in card
    assert "| fiction | a/source | CC0 1.0 | 9 | 90.0% |" in card
    assert "share-alike" not in model_card(FACTS | {"share_alike": True}).split("## How it was trained")[0]
    assert "1. A \\*story\\* with \\| signs" in card


def test_a_text_stays_on_its_line() -> None:
    assert one_line(" a\n\n# b_c ") == "a \\# b\\_c"
