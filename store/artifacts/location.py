"""Locations: the path of a folder on a disk, or the URL of one on an object store."""

from pathlib import Path

type Location = str | Path
"""A path, or a URL such as `s3://bucket/demo-1/policies/v000003`. A URL is never a `Path`, which would damage it."""


def is_url(location: Location) -> bool:
    """Whether a location is a URL."""
    return isinstance(location, str) and "://" in location


def join(location: Location, *names: str) -> Location:
    """The location of something in a folder: a URL if the folder's is one, else a path."""
    if is_url(location):
        return "/".join([str(location).rstrip("/"), *names])
    return Path(location, *names)


def name_of(location: Location) -> str:
    """The last part of a location."""
    return str(location).rstrip("/").rpartition("/")[2]
