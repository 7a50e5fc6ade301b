"""How a base is judged."""

from bases.judging import longest_copies
from tests.bases.conftest import sentence


def test_real_texts_are_held_against_what_was_left_out_for_sharing_words_too() -> None:
    trained, shared = [sentence(1), sentence(2)], [sentence(3)]
    copied = " ".join(sentence(1).split()[5:25])
    found = longest_copies(trained, shared, written=[copied, sentence(3)], real=[sentence(3), sentence(2)])
    assert found["written_longest"] == 20
    assert found["written_share_of_12_words"] == 0.5
    # The first is cut to the twenty words of the first text that was written.
    assert found["real_longest"] == 40
    assert found["real_median"] == 30
    assert found["real_share_of_12_words"] == 1.0
