"""What stores say, as errors and sentences."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from support.stores import HALF, Store

from hypsegcli.errors import StoreError
from hypsegcli.files.place import locate, scan
from hypsegcli.files.regular import open_regular

ERROR = "<Error><Code>{}</Code><Message>of {} by AKIDEXAMPLE</Message></Error>"


def read(store: Store, key: str = "a") -> bytes:
    with open_regular(locate(store.at(key))) as file:
        return file.read()


@pytest.mark.parametrize(
    ("status", "code", "kind", "sentence"),
    [
        (403, "InvalidAccessKeyId", StoreError, "refuses these credentials.*AWS_ACCESS_KEY_ID"),
        (403, "SignatureDoesNotMatch", StoreError, "refuses these credentials"),
        (400, "ExpiredToken", StoreError, "run out"),
        (404, "NoSuchBucket", StoreError, "no such bucket"),
        (404, "NoSuchKey", FileNotFoundError, "No such file"),
        (403, "AccessDenied", PermissionError, "refuses it to these credentials"),
        (500, "InternalError", OSError, "the store answers 500"),
        (503, "SlowDown", OSError, "the store answers 503"),
    ],
)
def test_what_it_answers_is_an_error_of_its_kind(
    store: Store, status: int, code: str, kind: type[Exception], sentence: str
) -> None:
    store.rule = lambda method, path: (status, ERROR.format(code, path).encode())
    with pytest.raises(kind, match=sentence) as raised:
        read(store)
    assert "AKIDEXAMPLE" not in str(raised.value)
    assert (raised.value.__cause__, raised.value.__suppress_context__) == (None, True)  # whose text has whole addresses


def test_a_server_that_fails_for_a_while_is_asked_again(store: Store) -> None:
    store["a"] = b"whole"
    failures = iter([(500, b""), (503, b""), (HALF, b"")])
    store.rule = lambda method, path: next(failures, None)
    assert read(store) == b"whole"
    assert len(store.asked) == 4


@pytest.mark.parametrize(("failing", "sentence"), [((500, b""), "answers 500"), ((HALF, b""), "cut off")])
def test_a_server_that_fails_for_good_is_asked_no_more_than_so_often(
    store: Store, failing: tuple[int, bytes], sentence: str
) -> None:
    store["a"] = b"whole" * 100
    store.rule = lambda method, path: failing
    with pytest.raises(OSError, match=sentence):
        read(store)
    assert 4 <= len(store.asked) <= 8


def test_a_list_that_is_cut_off_is_asked_for_again(store: Store) -> None:
    store["a/b"] = b"1"
    answers = iter([(HALF, b""), (HALF, b"")])
    store.rule = lambda method, path: next(answers, None)
    with scan(locate(store.at("a"))) as entries:
        assert [entry.name for entry in entries] == ["b"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_ENDPOINT_URL", "hunter2"),
        ("AWS_ENDPOINT_URL", "http://[hunter2"),
        ("AWS_ENDPOINT_URL_S3", "https://"),
        ("AWS_CONDITIONAL_PUT", "hunter2"),
    ],
)
def test_what_the_environment_says_wrong_is_told_without_its_values(
    store: Store, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(StoreError, match="the environment") as raised:
        read(store)
    assert "hunter2" not in str(raised.value)


def test_nobody_at_the_door_is_the_store_s_own_trouble(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match="does not answer"):
        read(store)


def test_without_credentials_the_sentence_names_them(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match="AWS_ACCESS_KEY_ID"):
        read(store)
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(StoreError, match="AZURE_STORAGE_ACCOUNT_NAME"):
        locate("az://container/a").exists()


def test_without_the_extra_the_sentence_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    questions: list[Callable[[], object]] = [
        locate("s3://without-extra/a").exists,
        locate("s3://without-extra/b").is_dir,
        lambda: open_regular(locate("https://without.example/a.png")),
    ]
    for question in questions:
        with pytest.raises(StoreError, match=r"hypseg\[cloud\]"):
            question()
