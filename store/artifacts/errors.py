"""Errors of artefacts. They are `OSError`s, as those of a disk are, so that both are handled alike."""

import errno


class StorageError(OSError):
    """The storage behind a URL could not be read or written. `may_pass`: it may work when it is tried again."""

    def __init__(self, message: str, *, may_pass: bool = True, code: int = errno.EIO) -> None:
        super().__init__(code, message)
        self.may_pass = may_pass

    def __str__(self) -> str:
        return str(self.args[1])

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuilt, (type(self), str(self), self.may_pass, self.errno)


class StorageMissingError(StorageError):
    """The storage cannot be used as it is configured: a package is missing, or the URL is of no known kind."""


class DamagedArtifactError(StorageError):
    """What is stored at a URL is not what was published there."""


def _rebuilt(kind: type[StorageError], message: str, may_pass: bool, code: int) -> StorageError:
    """For pickle: errors cross processes."""
    return kind(message, may_pass=may_pass, code=code)
