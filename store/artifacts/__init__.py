"""Where policies and checkpoints are kept: in a folder that all machines share, or under a URL of an object store.

Begin with `folder`, which reads, lists and removes what was published at either; `cache` gives a local copy of it.
`remote` has the calls of fsspec, and `transfer` what uploads and downloads have in common.
"""
