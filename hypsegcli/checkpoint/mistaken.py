"""What a file is that was taken for a checkpoint, told by how it begins."""

from __future__ import annotations

from pathlib import Path

from hypsegcli.files.regular import open_regular

# A pointer, as a clone has it in place of a large file: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
_LFS = b"version https://git-lfs.github.com/spec/"
# A zip, and a pickle as it was before; the length of a safetensors file's header may begin like that, JSON follows it.
_OF_TORCH = (b"PK\x03\x04", *(bytes([0x80, protocol]) for protocol in range(2, 6)))
_LARGEST_HEADER = 100_000_000  # bytes, of a safetensors file: its length comes first, then JSON
_HEAD = 200


def mistaken(path: Path) -> str | None:
    """What such a file is, and what to do, to follow its name in a sentence; None where that is not known."""
    try:
        with open_regular(path) as file:
            head = file.read(_HEAD)
    except OSError:
        return None
    torch_s = path.suffix in {".pt", ".pth"}
    if head.startswith(_LFS):
        return "is a pointer of Git LFS and not the file itself; fetch that with `git lfs pull`"
    if head.lstrip()[:1] == b"<":
        return "is a web page and not the file itself; download it again, by the file's own address"
    if not torch_s and head.startswith(_OF_TORCH) and head[8:9] != b"{":
        return "is a file that torch wrote, and no safetensors file; give it a name that ends in .pt"
    if torch_s and head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= _LARGEST_HEADER:
        return "is a safetensors file, and none that torch wrote; give it a name that ends in .safetensors"
    return None
