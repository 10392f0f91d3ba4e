"""What is an address, what it says, and what is refused before anybody is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypsegcli.checkpoint.remote.address import HubAddress, WebAddress, is_address, may_be, read_address
from hypsegcli.errors import UsageError

SHA, COMMIT = "ab" * 32, "0123456789" * 4


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ("hf://someone/streets", HubAddress("someone/streets", "main", "")),
        ("hf://someone/streets/", HubAddress("someone/streets", "main", "")),
        ("hf:/someone/streets", HubAddress("someone/streets", "main", "")),  # what a Path makes of it
        ("HF://someone/streets@v1.0", HubAddress("someone/streets", "v1.0", "")),
        ("hf://a/b@main/c.safetensors", HubAddress("a/b", "main", "c.safetensors")),
        ("hf://a/b/in/c.safetensors", HubAddress("a/b", "main", "in/c.safetensors")),
        (f"hf://a/b@{COMMIT}/c.safetensors", HubAddress("a/b", COMMIT, "c.safetensors")),
        ("hf://a/b@refs/pr/7/c.safetensors", HubAddress("a/b", "refs/pr/7", "c.safetensors")),
        ("hf://a/b@refs%2Fpr%2F7", HubAddress("a/b", "refs/pr/7", "")),
        (f"https://h.org/m.safetensors#sha256={SHA}", WebAddress("https://h.org/m.safetensors", SHA)),
        (f"https:/h.org/m.safetensors#sha256={SHA.upper()}", WebAddress("https://h.org/m.safetensors", SHA)),
        (f"https://h.org:8443/7?download=1#sha256={SHA}", WebAddress("https://h.org:8443/7?download=1", SHA)),
        (f"https://h.org/my m.safetensors#sha256={SHA}", WebAddress("https://h.org/my%20m.safetensors", SHA)),
        (f"http://localhost:80/m.safetensors#sha256={SHA}", WebAddress("http://localhost:80/m.safetensors", SHA)),
        (f"http://[::1]:80/m.safetensors#sha256={SHA}", WebAddress("http://[::1]:80/m.safetensors", SHA)),
    ],
)
def test_what_an_address_says(given_: str, said: HubAddress | WebAddress) -> None:
    assert is_address(given_)
    assert read_address(given_) == said


@pytest.mark.parametrize(
    "path", ["streets", "a/b.safetensors", "C:/a/b", "./hf:/x", "hf", "httpsx://a", "s4://a/b", ""]
)
def test_a_path_is_none(path: str) -> None:
    assert not is_address(path)


@given(
    st.from_regex("[A-Za-z0-9][A-Za-z0-9_.-]{0,9}/[A-Za-z0-9][A-Za-z0-9_.-]{0,9}", fullmatch=True),
    st.from_regex("[A-Za-z0-9_.-]{1,9}|refs/pr/[0-9]{1,3}|[a-z]{1,5}/[a-z]{1,5}", fullmatch=True),
    st.sampled_from(["", "c.safetensors", "d/e f+g.safetensors"]),
)
def test_written_and_read_it_is_the_same(repository: str, revision: str, file: str) -> None:
    address = HubAddress(repository, revision, file)
    if repository.partition("/")[0] not in {"datasets", "spaces"}:
        assert read_address(str(address)) == address


@pytest.mark.parametrize(
    ("address", "pinned"),
    [
        (HubAddress("a/b", COMMIT, "c.safetensors"), True),
        (HubAddress("a/b", COMMIT), False),
        (HubAddress("a/b", COMMIT[:12], "c.safetensors"), False),
        (HubAddress("a/b", "main", "c.safetensors"), False),
    ],
)
def test_a_file_of_a_commit_names_the_same_bytes_for_good(address: HubAddress, pinned: bool) -> None:
    assert address.is_pinned is pinned


def test_what_is_kept_of_a_web_address_has_no_password_in_it() -> None:
    address = read_address(f"https://h.org/m.safetensors?token=secret&X-Amz-Signature=5#sha256={SHA}")
    assert isinstance(address, WebAddress)
    assert "secret" in address.url
    assert str(address) == f"https://h.org/m.safetensors#sha256={SHA}"
    assert read_address(str(address)) == WebAddress("https://h.org/m.safetensors", SHA)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/a/m.safetensors", "m.safetensors"),
        ("/a/my%20m.safetensors", "my m.safetensors"),
        ("/ndownloader/7", "checkpoint.safetensors"),
        ("/", "checkpoint.safetensors"),
        ("/..%2f..%2fm.safetensors", "checkpoint.safetensors"),
        ("/a%00.safetensors", "checkpoint.safetensors"),
        (f"/{'a' * 300}.safetensors", "checkpoint.safetensors"),
    ],
)
def test_the_file_gets_a_plain_name(path: str, name: str) -> None:
    assert WebAddress(f"https://h.org{path}", SHA).name == name


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("hf://", "expected hf://OWNER/NAME"),
        ("hf://alone", "expected hf://OWNER/NAME"),
        ("hf://a/b@", "expected hf://OWNER/NAME"),
        ("hf://a/../../etc", "expected hf://OWNER/NAME"),
        ("hf://a/b c", "expected hf://OWNER/NAME"),
        ("hf://a/b/c`d`.safetensors", "expected hf://OWNER/NAME"),
        ("hf://datasets/a/b.safetensors", "none of a model's repositories"),
        ("hf://a/b/state.pt", "only files that end in .safetensors"),
        ("hf://a/b/config.json", "only files that end in .safetensors"),
        ("hf://a/b/../c.safetensors", "only files that end in .safetensors"),
        ("hf://a/b/c//d.safetensors", "only files that end in .safetensors"),
        ("https://", "names no host"),
        (f"http://h.org/m.safetensors#sha256={SHA}", "give its https address"),
        (f"http://127.0.0.1.h.org/m.safetensors#sha256={SHA}", "give its https address"),
        (f"https://h.org/m.pt#sha256={SHA}", "only files that end in .safetensors"),
        ("https://h.org/m.safetensors", r"it is missing\); who publishes the file tells it, and `sha256sum FILE`"),
        ("https://h.org/m.safetensors#sha256=abc", "64 hexadecimal digits are expected"),
        (f"https://h.org/m.safetensors#md5={SHA}", "64 hexadecimal digits are expected"),
        ("https://h.org:nonsense/m.safetensors", "no address that can be read"),
        ("https://[h.org/m.safetensors", "no address that can be read"),
    ],
)
def test_what_cannot_be_an_address_is_refused(wrong: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        read_address(wrong)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_a_password_is_refused_and_not_repeated(scheme: str) -> None:
    for before in ("me:secret@", "secret@", "me:secret@host:bad@"):
        with pytest.raises(UsageError) as error:
            read_address(f"{scheme}://{before}localhost/m.safetensors?key=secret#sha256={SHA}")
        assert "secret" not in str(error.value)
        assert "no user and no password" in str(error.value)


@pytest.mark.parametrize(
    ("given_", "same"),
    [
        ("hf://a/b", True),  # a branch moves, and a repository may have one file
        ("hf://a/b@dev", True),
        ("hf://a/b@main/c.safetensors", True),
        (f"hf://a/b@{COMMIT}/c.safetensors", True),
        (f"hf://a/b@{COMMIT[::-1]}/c.safetensors", False),
        ("hf://a/other", False),
        ("hf://a/b/d.safetensors", False),
        (f"https://h.org/c.safetensors#sha256={SHA}", False),
    ],
)
def test_which_addresses_may_have_been_one_that_is_kept(given_: str, same: bool) -> None:
    assert may_be(read_address(given_), read_address(f"hf://a/b@{COMMIT}/c.safetensors")) is same


def test_files_on_the_web_are_told_apart_by_what_they_hold() -> None:
    kept = read_address(f"https://h.org/c.safetensors#sha256={SHA}")
    assert may_be(read_address(f"https://mirror.org/d.safetensors?token=1#sha256={SHA}"), kept)
    assert not may_be(read_address(f"https://h.org/c.safetensors#sha256={SHA[::-1]}"), kept)
