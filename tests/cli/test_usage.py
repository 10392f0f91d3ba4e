"""Command lines that cannot be read: one sentence, in one style, with exit code 2."""

from __future__ import annotations

import pytest
from support import Hypseg


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("predct",), "predct: there is no such command (did you mean predict?); there are predict, uncertainty, "),
        (("zzz",), "zzz: there is no such command; there are predict, "),
        (("--frobnicate",), "--frobnicate: hypseg has no such option; hypseg --help says more"),
        (("predict",), "INPUT... is missing: hypseg predict [OPTIONS] INPUT...; hypseg predict --help says more"),
        (("predict", "x"), "--out is missing: hypseg predict [OPTIONS] INPUT...; hypseg predict --help"),
        (("predict", "x", "--outt", "y"), "--outt: hypseg predict has no such option (did you mean --out?); hypseg"),
        (("train", "--lr", "1"), "--lr: hypseg train has no such option (did you mean --learning-rate?); hypseg train"),
        (("predict", "x", "-o"), "-o: expected DIR behind it; hypseg predict --help"),
        (("predict", "x", "--tile"), "--tile: expected N|auto|off behind it; "),
        (("predict", "x", "-o", "y", "--raw=3"), "--raw takes no value; hypseg predict --help"),
        (
            ("predict", "x", "--save", "labels", "--save=confidence"),
            "--save is given 2 times; name all behind one, with ",
        ),
        (("predict", "x", "--measure", "all", "--measure", "all"), "--measure is given 2 times; "),
        (("evaluate", "x", "y", "--unseen", "a", "--unseen", "b"), "--unseen is given 2 times; "),
        (("train", "--held-out", "a", "--held-out", "b"), "--held-out is given 2 times; "),
        (("predict", "x", "-o", ""), "--out is empty, as a variable is that was never set; give a folder (. is this "),
        (("train", "--data="), "--data is empty, "),
        (("verify", ""), "DIR is empty, "),
        (("compare", "a", "b1,s3://bucket/b2"), "s3://bucket/b2: this cannot lie in a store; choose a path of this"),
        (("compare", "a"), "B is missing: hypseg compare [OPTIONS] A B; "),
        (("compare", "a", "b", "c", "d"), "c d: more than is expected: hypseg compare [OPTIONS] A B; "),
        (("train", "--crop", "64"), "--crop: expected HEIGHT WIDTH behind it; hypseg train --help says more"),
        (("predict", "x", "-o", "y", "--batch-size", "0"), "--batch-size 0: expected a whole number from 1 on"),
        (("predict", "x", "-o", "y", "--engine", "mxnet"), "--engine mxnet: expected auto, torch, openvino or onnx"),
        (("predict", "x", "-o", "y", "--threshold", "0.4"), "--threshold 0.4: expected a number from 0.5 to 0.999"),
        (("train", "--epochs", "many"), "--epochs many: expected a whole number"),
        (("train", "--epochs", "0"), "--epochs: expected a whole number from 1 on, found 0"),
    ],
)
def test_one_sentence_says_what_is_wrong(hypseg: Hypseg, arguments: tuple[str, ...], sentence: str) -> None:
    outcome = hypseg(*arguments)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith(f"hypseg: {sentence}")
    assert outcome.stderr.count("\n") == 1


def test_names_that_steer_a_terminal_do_not(hypseg: Hypseg) -> None:
    for arguments in (("\x1b[31mx",), ("predict", "a", "--\x1b[31m"), ("disk", "a", "\x1b[31m", "-o", "x")):
        assert "\x1b" not in hypseg(*arguments).stderr


def test_the_last_of_other_options_counts(hypseg: Hypseg) -> None:
    """So that an alias has settings that a command line may change."""
    assert hypseg("predict", "--engine", "mxnet", "--engine", "torch", "absent.png", "-o", "y").stderr.startswith(
        "hypseg: absent.png: there is no such file"
    )
