import threading
import time

import pytest

from store.artifacts.errors import StorageError
from store.artifacts.manifest import OnBytes
from store.artifacts.transfer import insist, transfer


def test_all_pieces_are_transferred_and_their_bytes_reported_in_the_callers_thread() -> None:
    counts: list[int] = []
    callers: set[int] = set()

    def on_bytes(count: int) -> None:
        counts.append(count)
        callers.add(threading.get_ident())

    transfer("the test", [lambda report: report(3)] * 20, on_bytes, silence_s=5, threads=4)
    assert sum(counts) == 60
    assert callers == {threading.get_ident()}


def test_a_piece_is_tried_again_while_its_error_may_pass() -> None:
    tried: list[int] = []

    def piece(report: OnBytes) -> None:
        tried.append(1)
        if len(tried) < 3:
            raise StorageError("away")
        report(1)

    transfer("the test", [piece], lambda count: None, silence_s=10, threads=1)
    assert len(tried) == 3


def test_an_error_that_lasts_ends_the_transfer_at_once() -> None:
    def piece(report: OnBytes) -> None:
        raise StorageError("no such key", may_pass=False)

    began = time.monotonic()
    with pytest.raises(StorageError, match="no such key"):
        transfer("the test", [piece], lambda count: None, silence_s=30, threads=1)
    assert time.monotonic() - began < 5


def test_silence_ends_the_transfer_with_the_last_error() -> None:
    def piece(report: OnBytes) -> None:
        raise StorageError("the network is down")

    with pytest.raises(StorageError, match=r"the test made no progress for 1 s .*the network is down"):
        transfer("the test", [piece], lambda count: None, silence_s=1, threads=1)


def test_a_piece_that_hangs_holds_nobody_up() -> None:
    release = threading.Event()
    with pytest.raises(StorageError, match="the test made no progress"):
        transfer("the test", [lambda report: release.wait(30) and None], lambda count: None, silence_s=0.5, threads=1)
    release.set()


def test_the_caller_can_end_a_transfer() -> None:
    release = threading.Event()

    class StoppedError(Exception):
        pass

    def on_bytes(count: int) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        transfer("the test", [lambda report: release.wait(30) and None], on_bytes, silence_s=30, threads=1)
    release.set()


def test_the_result_of_a_call_that_works_at_last_is_returned() -> None:
    tried: list[int] = []

    def call() -> str:
        tried.append(1)
        if len(tried) < 2:
            raise StorageError("away")
        return "done"

    assert insist("the test", call, lambda count: None, silence_s=10) == "done"
