"""Getting policies onto the machine of a sampler and reading them, without an engine."""

import asyncio
from pathlib import Path

import pytest

from actors.engine.policy_files import UnusablePolicyError
from actors.engine.prefetch import PolicyReader
from learner.publication import checksum, publication
from store.artifacts.cache import Cache
from store.artifacts.folder import folder_at
from store.records import PolicyPointer
from store.settings import StorageSettings

from ...s3_server import S3Server


def publish(location: str, storage: StorageSettings, length: int = 3) -> PolicyPointer:
    import torch
    from safetensors.torch import save_file

    with publication(location, storage=storage) as folder:
        save_file({"weight": torch.zeros(length, 1000)}, folder / "model.safetensors")
        (folder / "config.json").write_text("{}")
    return PolicyPointer(1, location, checksum(location))


@pytest.fixture
def elsewhere(tmp_path: Path) -> StorageSettings:
    """The cache of another machine than that of the reader."""
    return StorageSettings(cache=tmp_path / "elsewhere", silence_s=5)


async def test_a_policy_in_a_folder_is_read_where_it_is(tmp_path: Path, storage: StorageSettings) -> None:
    policy = publish(str(tmp_path / "v000001"), storage)
    reader = PolicyReader(10.0, storage)
    local = await reader.read(policy)
    assert (local.folder, local.pointer) == (tmp_path / "v000001", policy)
    assert local.shapes == {"weight": (3, 1000)}
    assert reader.bytes_read > 12_000
    assert not (tmp_path / "cache").exists()


async def test_a_policy_under_a_url_is_fetched_and_kept_until_it_is_released(
    storage_url: str, storage: StorageSettings, elsewhere: StorageSettings
) -> None:
    reader = PolicyReader(10.0, storage)
    local = await reader.read(publish(storage_url, elsewhere))
    assert local.pointer.path == str(local.folder)
    assert (local.folder / "config.json").read_text() == "{}"
    assert reader.bytes_read > 2 * 12_000
    local.release()


async def test_a_damaged_object_makes_a_policy_unusable_until_it_is_whole(
    storage_url: str, storage: StorageSettings, elsewhere: StorageSettings
) -> None:
    policy, reader = publish(storage_url, elsewhere), PolicyReader(10.0, storage)
    folder_at(storage_url).write("config.json", b"[]")
    with pytest.raises(UnusablePolicyError, match=r"cannot be fetched: .*config.json is damaged"):
        await reader.read(policy)
    folder_at(storage_url).write("config.json", b"{}")
    (await reader.read(policy)).release()


async def test_a_copy_that_is_damaged_on_the_disk_is_refused_and_then_fetched_again(
    storage_url: str, storage: StorageSettings, elsewhere: StorageSettings
) -> None:
    policy, reader = publish(storage_url, elsewhere), PolicyReader(10.0, storage)
    with Cache(storage).held(storage_url) as folder:
        (folder / "config.json").write_text("[]")
    with pytest.raises(UnusablePolicyError, match="is corrupted"):
        await reader.read(policy)
    local = await reader.read(policy)
    assert (local.folder / "config.json").read_text() == "{}"


async def test_a_policy_of_another_shape_is_refused(
    storage_url: str, storage: StorageSettings, elsewhere: StorageSettings
) -> None:
    with pytest.raises(UnusablePolicyError, match="differs in shape"):
        await PolicyReader(10.0, storage).read(publish(storage_url, elsewhere, 4), {"weight": (3, 1000)})


async def test_a_server_that_is_away_is_a_refusal_and_the_loop_goes_on_meanwhile(
    s3: S3Server, s3_url: str, storage: StorageSettings, elsewhere: StorageSettings
) -> None:
    policy = publish(s3_url, elsewhere)
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.05)
            ticks += 1

    ticking = asyncio.create_task(tick())
    s3.stop()
    try:
        with pytest.raises(UnusablePolicyError, match=r"no byte came from s3://.* for 2 s"):
            await PolicyReader(2.0, storage).read(policy)
    finally:
        s3.start()
        ticking.cancel()
    assert ticks > 10
