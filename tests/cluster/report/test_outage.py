"""A store that is away for a while: the pages say so, and come back."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder
from cluster.report import live
from cluster.report.app import make_app
from store.store import Store

from ...store.postgresql_server import PostgresqlServer, find_binaries
from .conftest import fill

PAGES = ("/", "/rollouts", "/problems/p1")


@pytest.mark.skipif(find_binaries() is None, reason="no PostgreSQL server is installed (apt-get install postgresql)")
def test_pages_name_an_outage_and_recover_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_LEAST_AGE_S", 0.0)
    monkeypatch.setattr(live, "_COST_FACTOR", 0)
    monkeypatch.setattr(live, "_ERROR_AGE_S", 0.0)
    with PostgresqlServer("-c fsync=off") as server:
        folder = RunFolder(tmp_path / "test-1")
        config = load_config("demo", None, [f"store.url={server.create_database('run')}"])
        folder.write_config(config)
        with Store.open(folder.store_url(config)) as store:
            fill(store, folder)
        with make_app(folder, config, None, "127.0.0.1") as app:
            client = TestClient(app, base_url="http://127.0.0.1")
            assert [client.get(path).status_code for path in PAGES] == [200] * 3
            server.stop()
            for path in PAGES:
                response = client.get(path)
                assert response.status_code == 503
                assert "the database cannot be used" in response.text
                assert 'data-refresh-s="' in response.text
            server.start()
            assert [client.get(path).status_code for path in PAGES] == [200] * 3
