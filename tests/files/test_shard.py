"""Shards: every image in one of them, and their names from whatever starts many processes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypsegcli.errors import UsageError
from hypsegcli.files.shard import Shard, parse_shard, shard_of


@given(st.lists(st.integers()), st.integers(1, 12))
def test_shards_share_all_items_in_order(items: list[int], of: int) -> None:
    parts = [Shard(index, of).take(items) for index in range(of)]
    assert [parts[place % of][place // of] for place in range(len(items))] == items
    assert sum(map(len, parts)) == len(items)


@pytest.mark.parametrize(
    ("text", "environment", "shard"),
    [
        ("0/1", {}, Shard(0, 1)),
        (" 3/8 ", {"SLURM_ARRAY_TASK_ID": "5"}, Shard(3, 8)),
        ("auto/8", {"JOB_COMPLETION_INDEX": "7"}, Shard(7, 8)),
        ("auto/8", {"COILED_BATCH_TASK_ID": "0"}, Shard(0, 8)),
        ("auto", {"SLURM_ARRAY_TASK_ID": "5", "SLURM_ARRAY_TASK_COUNT": "8"}, Shard(5, 8)),
        (  # --array=1-8
            "auto",
            {"SLURM_ARRAY_TASK_ID": "8", "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_COUNT": "8"},
            Shard(7, 8),
        ),
        (  # --array=10-40:10
            "auto/4",
            {
                "SLURM_ARRAY_TASK_ID": "30",
                "SLURM_ARRAY_TASK_MIN": "10",
                "SLURM_ARRAY_TASK_STEP": "10",
                "SLURM_ARRAY_TASK_COUNT": "4",
            },
            Shard(2, 4),
        ),
    ],
)
def test_a_shard_is_named_or_found(text: str, environment: dict[str, str], shard: Shard) -> None:
    assert parse_shard(text, environment) == shard


@pytest.mark.parametrize(
    ("text", "environment", "says"),
    [
        ("8/8", {}, "the last is 7/8"),
        ("1/0", {}, "expected I/N"),
        ("-1/8", {}, "expected I/N"),
        ("1", {}, "expected I/N"),
        ("1/8/2", {}, "expected I/N"),
        ("\N{ARABIC-INDIC DIGIT ONE}/8", {}, "expected I/N"),
        ("0/10001", {}, "at most 10,000"),
        ("auto", {}, "nothing here says"),
        ("auto", {"JOB_COMPLETION_INDEX": "1"}, "not of how many"),
        ("auto/2", {"JOB_COMPLETION_INDEX": "2"}, "names the task 2"),
        # Two tasks of eight are done again: their places in the array are not their shards.
        ("auto/8", {"SLURM_ARRAY_TASK_ID": "5", "SLURM_ARRAY_TASK_COUNT": "2"}, "name the shard"),
        # An array of the list 0,3: nothing tells that the second is the shard 1.
        ("auto", {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_COUNT": "2"}, "name the"),
    ],
)
def test_what_names_no_shard_is_said(text: str, environment: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse_shard(text, environment)


def test_a_shards_files_are_known_by_their_names() -> None:
    assert Shard(3, 8).named("manifest.jsonl") == "manifest.3-of-8.jsonl"
    assert shard_of("manifest.3-of-8.jsonl", "manifest.jsonl") == Shard(3, 8)
    for name in ("manifest.jsonl", "manifest.8-of-8.jsonl", "manifest.03-of-8.jsonl", "run.3-of-8.json", "x"):
        assert shard_of(name, "manifest.jsonl") is None
