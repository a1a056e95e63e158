"""The failure of a jail: ours, never the block's."""

import errno


class JailFailure(Exception):  # noqa: N818 - as in Status.SANDBOX_FAILURE
    """The jail died or does not respond. The message carries the end of nsjail's log."""


def remedy(error: OSError) -> str:
    """A hint to append to the message of `error`; empty if none is known."""
    return "; `ulimit -n` raises the limit" if error.errno in (errno.EMFILE, errno.ENFILE) else ""
