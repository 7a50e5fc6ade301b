"""Result files, plain and in base64."""

import base64

from finetable.remote.result_file import csv_of, losses_of


def test_results_are_read_plain_and_in_base64() -> None:
    plain = "step,train_loss,valid_loss\n1,2.5,\n2,1.5,1.75\n"
    packed = base64.encodebytes(plain.encode())
    assert csv_of(plain.encode()) == csv_of(packed) == csv_of(packed.strip()) == plain
    assert csv_of(b"neither") == "neither"
    assert losses_of(plain) == [2.5, 1.5]
