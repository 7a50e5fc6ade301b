"""Examples as the model sees them."""

from finetable.data.tokens import Encoder, TokenizedRows
from finetable.progress import Progress


def show_examples(encoder: Encoder, rows: TokenizedRows, count: int, progress: Progress) -> None:
    """Print the first `count` rows token by token: dim where no loss is taken, plain where it is."""
    for index in range(min(count, len(rows))):
        pieces = encoder.pieces(rows.row(index).tolist())
        start = int(rows.answer_starts[index])
        masked, learnt = "|".join(pieces[:start]), "|".join(pieces[start:])
        progress.say(f"Row {rows.row_ids[index]}: {len(pieces)} tokens, {len(pieces) - start} of them learnt")
        progress.example(masked, learnt)
