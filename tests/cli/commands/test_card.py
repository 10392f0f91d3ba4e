"""`hypseg card`: the card of a checkpoint, printed or written."""

from __future__ import annotations

from pathlib import Path

from support import Hypseg
from support.web import Hub, Repository

from hypsegcli.checkpoint.bundled import bundled_checkpoint
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.cli.card.card import write_card


def test_it_is_printed_or_written_and_the_same(hypseg: Hypseg, tmp_path: Path) -> None:
    path = bundled_checkpoint()
    text = write_card(read_header(path), "streets", megabytes=path.stat().st_size / 1e6)
    assert hypseg("card", "streets") == (0, text, "")
    out = tmp_path / "new" / "README.md"
    assert hypseg("card", path, "--out", out) == (0, f"wrote {out}\n", "")
    assert out.read_text(encoding="utf-8") == text


def test_it_takes_a_name(hypseg: Hypseg) -> None:
    shown = hypseg("card", "streets", "--name", "By day").stdout
    assert '- name: "By day"' in shown
    assert "\n# By day\n" in shown


def test_nothing_is_replaced_unasked(hypseg: Hypseg, tmp_path: Path) -> None:
    out = tmp_path / "README.md"
    out.write_text("written by a person")
    refused = hypseg("card", "streets", "--out", out)
    assert (refused.code, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"hypseg: {out}: is there already; replace it with --overwrite")
    assert out.read_text() == "written by a person"
    assert hypseg("card", "streets", "--out", out, "--overwrite").code == 0
    assert out.read_text(encoding="utf-8").startswith("---\nlicense: mit\n")


def test_of_an_address_it_names_that_and_no_commit_that_will_be_old(hypseg: Hypseg, hub: Hub) -> None:
    hub.repositories["me/streets"] = repository = Repository()
    commit = repository.commit({"m.safetensors": bundled_checkpoint().read_bytes()})
    shown = hypseg("card", "hf://me/streets", "--quiet").stdout
    assert "--checkpoint hf://me/streets --out maps" in shown
    assert 'load_model("hf://me/streets")' in shown
    assert commit not in shown
