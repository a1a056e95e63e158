from pathlib import Path

from sqlalchemy import make_url

from store.database.paths import StoredPaths


def test_paths_beside_the_store_are_relative_and_urls_stay_as_they_are(tmp_path: Path) -> None:
    paths = StoredPaths(make_url(f"sqlite:///{tmp_path / 'store.db'}"))
    for url in ("s3://bucket/run/policies/v000001", f"file://{tmp_path}/policies/v000001"):
        assert paths.to_stored(url) == url
        assert paths.from_stored(url) == url
    stored = paths.to_stored(str(tmp_path / "policies" / "v000001"))
    assert stored == "{store}/policies/v000001"
    assert paths.from_stored(stored) == str(tmp_path / "policies" / "v000001")
