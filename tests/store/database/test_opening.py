import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from store.database.connection import transaction
from store.database.error_translation import _is_refusal
from store.database.schema import MIGRATIONS, VERSION_TABLE, migrate
from store.database.tables import SCHEMA_REVISION, Base
from store.database.urls import masked, parse_url
from store.errors import (
    NotAStoreError,
    StoreBusyError,
    StoreError,
    StoreMissingError,
    StoreTooNewError,
    StoreUnreachableError,
    StoreUrlError,
)
from store.store import Store


def test_a_store_keeps_what_it_holds_when_opened_again(url, make):
    with Store.open(url) as store:
        store.problems.add([make.problem(1)])
    with Store.open(url, create=False) as store:
        assert list(store.problems.iterate()) == [make.problem(1)]


def test_the_migrations_end_where_the_models_are(store):
    with transaction(store._database.engine, write=False) as session:
        context = MigrationContext.configure(session.connection(), opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, Base.metadata) == []
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == SCHEMA_REVISION


def test_the_migrations_go_down_and_up_again(store, make):
    with transaction(store._database.engine, write=True, migrate=True) as session:
        migrate(session.connection(), "base")
        assert set(inspect(session.connection()).get_table_names()) <= {VERSION_TABLE, "sqlite_sequence"}
        migrate(session.connection(), SCHEMA_REVISION)
    assert store.problems.add([make.problem(1)]) == 1


def test_a_store_of_a_newer_version_is_refused_and_left_alone(store):
    with transaction(store._database.engine, write=True) as session:
        session.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(StoreTooNewError, match=r"has schema 9999, this program supports .* Update the program"):
        Store.open(store.url)


def test_another_programs_tables_are_left_alone(url):
    with Store.open(url) as store, transaction(store._database.engine, write=True) as session:
        session.execute(text(f"DROP TABLE {VERSION_TABLE}"))
    with pytest.raises(NotAStoreError, match="the database has another program's tables"):
        Store.open(url)


def test_a_store_that_is_not_there_is_not_made_unasked(url):
    with pytest.raises(StoreMissingError, match="there is no store"):
        Store.open(url, create=False)


@pytest.mark.parametrize(
    ("url", "error", "message"),
    [
        ("store.db", StoreUrlError, "'store.db' is not a database URL: use sqlite:///"),
        ("", StoreUrlError, "is not a database URL"),
        ("mysql://me:secret@host/db", StoreUrlError, "'mysql' is not supported"),
        ("sqlite://", StoreUrlError, "processes cannot share a store in memory"),
        ("sqlite+aiosqlite:///x.db", StoreUrlError, "is not supported"),
        ("sqlite:////no/such/folder/x.db", StoreMissingError, "the folder /no/such/folder does not exist"),
        ("sqlite:////tmp", StoreUrlError, "this is a folder"),
        ("postgresql://me:secret@127.0.0.1:1/db", StoreUnreachableError, "Connection refused. Is the server up"),
        ("postgresql://me:secret@no-such-host.invalid/db", StoreUnreachableError, "the database cannot be used"),
    ],
)
def test_a_url_that_cannot_be_opened_is_explained_in_one_line_without_its_password(url, error, message):
    with pytest.raises(error, match=message) as raised:
        Store.open(url)
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_database_is_left_alone(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a database, and longer than its header would be" * 20)
    with pytest.raises(NotAStoreError, match="file is not a database"):
        Store.open(f"sqlite:///{path}")
    assert path.read_text().startswith("not a database")


@pytest.fixture
def read_only_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="automathes-read-only-"))
    folder.chmod(0o555)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def as_somebody() -> Iterator[None]:
    """Run as an unprivileged user: permissions do not apply to root."""
    before = os.getresuid()
    if before[0] != 0:
        yield
        return
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(*before)


def test_a_folder_that_may_not_be_written_is_named(read_only_folder):
    url = f"sqlite:///{read_only_folder}/store.db"
    with as_somebody(), pytest.raises(StoreUnreachableError) as error:
        Store.open(url)
    assert str(error.value) == f"{url}: the folder {read_only_folder} is not writable. Name another."


def test_a_server_refuses_an_unknown_database_by_name(postgresql_url):
    missing = postgresql_url.replace("store_", "nowhere_")
    with pytest.raises(StoreUnreachableError, match=r'database "nowhere_.*" does not exist'):
        Store.open(missing)


def test_a_locked_store_is_an_error_after_the_timeout(tmp_path, monkeypatch, make):
    monkeypatch.setattr("store.database.sqlite.BUSY_TIMEOUT_S", 0.1)
    with Store.open(f"sqlite:///{tmp_path}/s.db") as one, Store.open(f"sqlite:///{tmp_path}/s.db") as two:
        with transaction(one._database.engine, write=True) as session:
            session.connection()  # takes the lock
            with pytest.raises(StoreBusyError, match=f"locked by process {os.getpid()} for over 60 s"):
                two.problems.add([make.problem(1)])
        assert two.problems.add([make.problem(1)]) == 1


def test_a_locked_table_of_a_server_is_an_error_after_the_timeout(postgresql_url, monkeypatch, make):
    monkeypatch.setattr("store.database.postgresql.BUSY_TIMEOUT_S", 0.1)
    with Store.open(postgresql_url) as one, Store.open(postgresql_url) as two:
        with transaction(one._database.engine, write=True) as session:
            session.execute(text("LOCK TABLE problems IN ACCESS EXCLUSIVE MODE"))
            with pytest.raises(StoreBusyError, match="locked by another process"):
                two.problems.add([make.problem(1)])
        assert two.problems.add([make.problem(1)]) == 1


def test_a_connection_that_the_server_ended_is_replaced(postgresql_url, make):
    with Store.open(postgresql_url) as store:
        store.problems.add([make.problem(1)])
        with Store.open(postgresql_url) as other, transaction(other._database.engine, write=False) as session:
            ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            session.execute(text(f"{ended} AND pid <> pg_backend_pid()"))
        assert store.problems.add([make.problem(2)]) == 1


def test_a_connection_lost_in_a_transaction_is_named_and_leaves_nothing(postgresql_url):
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    insert = "INSERT INTO policies (version, path, metrics, config, created_at) VALUES (1, 'p', '{}', '{}', 0)"

    def write_and_be_cut_off(store: Store, other: Store) -> None:
        with transaction(store._database.engine, write=True) as session:
            session.execute(text(insert))
            with transaction(other._database.engine, write=False) as killer:
                killer.execute(text(f"{ended} AND pid <> pg_backend_pid()"))
            session.execute(text("SELECT 1"))

    with Store.open(postgresql_url) as store, Store.open(postgresql_url) as other:
        with pytest.raises(StoreUnreachableError, match="the database cannot be used"):
            write_and_be_cut_off(store, other)
        assert store.policies.all() == []


def test_a_relative_path_is_the_same_store_from_every_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Store.open("sqlite:///store.db") as store:
        assert store.url == f"sqlite:///{tmp_path}/store.db"


def test_passwords_are_masked_wherever_they_stand():
    for url in ("postgresql://me:secret@h/db", "postgresql://h/db?user=me&password=secret&sslpassword=secret"):
        assert "secret" not in masked(parse_url(url))
        assert "***" in masked(parse_url(url))


def test_sqlite_writes_ahead_and_to_the_disk(tmp_path):
    with Store.open(f"sqlite:///{tmp_path}/s.db") as store, transaction(store._database.engine, write=False) as session:
        settings = {
            name: session.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_failure_in_the_middle_of_a_migration_leaves_nothing(url, monkeypatch):
    def fail(connection, revision):
        migrate(connection, revision)
        raise StoreError("cut off")

    monkeypatch.setattr("store.database.schema.migrate", fail)
    with pytest.raises(StoreError, match="cut off"):
        Store.open(url)
    monkeypatch.undo()
    with Store.open(url) as store:
        assert store.problems.counts() == {"train": 0, "heldout": 0, "excluded": 0}


@pytest.mark.parametrize(
    ("reason", "refused"),
    [
        ("FATAL: the database system is starting up", False),
        ("FATAL: the database system is shutting down", False),
        ("FATAL: the database system is not yet accepting connections DETAIL: Consistent recovery state", False),
        ("connection refused", False),
        ('FATAL: role "nobody" does not exist', True),
        ("FATAL: password authentication failed", True),
    ],
)
def test_a_server_that_starts_or_stops_is_away_and_one_that_refuses_a_user_is_not(reason, refused):
    assert _is_refusal(reason) is refused
