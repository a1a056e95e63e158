"""The files below a URL, through fsspec. What fsspec and the libraries below it raise becomes a `StorageError`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from store.artifacts.errors import StorageError, StorageMissingError
from store.artifacts.manifest import OnBytes, no_report

_PACKAGES = {"s3": ("s3fs", "s3"), "s3a": ("s3fs", "s3"), "gs": ("gcsfs", "gcs"), "gcs": ("gcsfs", "gcs")}
"""The package for a protocol, and this project's extra that has it."""
_LASTING = ("NoCredentialsError", "PartialCredentialsError", "InvalidAccessKeyId", "SignatureDoesNotMatch")


class RemoteFiles:
    """The files below one URL. Names are relative to it, with `/` between their parts.

    Every method raises `StorageError` if the storage fails, `FileNotFoundError` if it has no such file.
    """

    def __init__(self, url: str) -> None:
        """Raises `StorageMissingError` if the URL's kind of storage is not known or its package is not installed."""
        self.url = url.rstrip("/")
        parts = urlsplit(self.url)
        self._fs = _file_system(f"{parts.scheme}://{parts.netloc}", os.getpid())
        self._root = str(self._fs._strip_protocol(self.url)).rstrip("/")

    def sizes(self) -> dict[str, int]:
        """The size of every file, by name; empty if there is nothing."""
        with _translated(f"{self.url} cannot be listed"):
            found = self._fs.find(self._root, detail=True)
        return {
            path[len(self._root) + 1 :]: int(info["size"] or 0)
            for path, info in found.items()
            if len(path) > len(self._root) + 1 and not path.endswith("/")
        }

    def folders(self) -> list[str]:
        """The names of the folders in this one, in order."""
        with _translated(f"{self.url} cannot be listed"):
            try:
                found = self._fs.ls(self._root, detail=True)
            except (FileNotFoundError, NotADirectoryError):
                return []
        paths = [str(info["name"]).rstrip("/") for info in found if info["type"] == "directory"]
        return sorted(path.rpartition("/")[2] for path in paths if path != self._root)

    def read(self, name: str, start: int | None = None, end: int | None = None) -> bytes:
        """The bytes of a file from `start` to before `end`, all by default."""
        with _translated(f"{self.url}/{name} cannot be read"):
            data: bytes = self._fs.cat_file(f"{self._root}/{name}", start=start, end=end)
            return data

    def write(self, name: str, data: bytes) -> None:
        """Write a small file, whole or not at all."""
        with _translated(f"{self.url}/{name} cannot be written"):
            self._fs.pipe_file(f"{self._root}/{name}", data)

    def upload(self, source: Path, name: str, on_bytes: OnBytes = no_report) -> None:
        """Write a file from the disk."""
        from fsspec.callbacks import Callback

        class Report(Callback):
            reported = 0

            def relative_update(self, inc: int = 1) -> None:
                self.reported += inc
                on_bytes(inc)

        report = Report()
        with _translated(f"{self.url}/{name} cannot be written"):
            self._fs.put_file(str(source), f"{self._root}/{name}", callback=report)
        on_bytes(max(0, source.stat().st_size - report.reported))  # file systems that copy at once report nothing

    def written_at(self, name: str) -> float:
        """When a file was written [Unix seconds]."""
        with _translated(f"{self.url}/{name} cannot be read"):
            return float(self._fs.modified(f"{self._root}/{name}").timestamp())

    def remove(self, first: str | None = None) -> None:
        """Remove all files, `first` before the others. What is not there is no error."""
        names = self.sizes()
        with _translated(f"{self.url} cannot be removed"):
            if first in names:
                self._fs.rm_file(f"{self._root}/{first}")
            if rest := [f"{self._root}/{name}" for name in names if name != first]:
                self._fs.rm(rest)
            with suppress(FileNotFoundError):  # where folders exist without files in them, they are left
                if self._fs.isdir(self._root):
                    self._fs.rm(self._root, recursive=True)
        if left := self.sizes():  # some report no error for what they did not remove
            raise StorageError(f"{self.url} cannot be removed: {len(left)} files are still there")

    def remove_files(self, names: list[str]) -> None:
        """Remove some files."""
        with _translated(f"{self.url} cannot be removed"):
            if names:
                self._fs.rm([f"{self._root}/{name}" for name in names])


@lru_cache(maxsize=64)
def _file_system(origin: str, process: int) -> Any:
    """fsspec's file system for the scheme and host of a URL; one for all threads of a process.

    Its options and secrets come from the environment and fsspec's configuration files. Listings are never cached:
    other machines write too.
    """
    import fsspec

    protocol = urlsplit(origin).scheme
    try:
        return fsspec.core.url_to_fs(f"{origin}/", use_listings_cache=False, **_options(protocol))[0]
    except ImportError as error:
        package, extra = _PACKAGES.get(protocol, (None, None))
        remedy = "" if package is None else f": install automathes[{extra}], or {package}=={fsspec.__version__}"
        raise StorageMissingError(
            f"{protocol}:// needs a package that is not installed on this machine ({error}){remedy}", may_pass=False
        ) from error
    except ValueError as error:
        raise StorageMissingError(
            f"{origin}: {error}. Use s3://, gs://, file:// or another kind that fsspec knows", may_pass=False
        ) from error
    except Exception as error:  # whatever the library of a storage raises when it is set up
        raise StorageError(f"{origin} cannot be used: {_described(error)}") from error


def _options(protocol: str) -> dict[str, Any]:
    """Defaults where fsspec's are not fit for this. What its configuration files say of them is left as it is.

    A connection to S3 that nobody accepts is given up after 20 s instead of five minutes: retries are made here.
    """
    from fsspec.config import conf

    if protocol in ("file", "local"):
        return {"auto_mkdir": True}
    if protocol in ("s3", "s3a") and not any("config_kwargs" in conf.get(name, {}) for name in ("s3", "s3a")):
        attempts = {} if "AWS_MAX_ATTEMPTS" in os.environ else {"retries": {"max_attempts": 1}}
        return {"config_kwargs": {"connect_timeout": 10, **attempts}}
    return {}


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except StorageError:
        raise
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{what}: {_described(error)}") from error
    except PermissionError as error:
        raise StorageError(f"{what}: {_described(error)}", may_pass=False) from error
    except Exception as error:  # every library has errors of its own
        lasting = any(name in f"{type(error).__name__} {error}" for name in _LASTING)
        raise StorageError(f"{what}: {_described(error)}", may_pass=not lasting) from error


def _described(error: Exception) -> str:
    """An error in a line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
