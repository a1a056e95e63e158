"""Lays out the warm parent's memory so that forks of it are cheap: contiguous, without holes, in huge pages.

A fork copies a page table entry for each page of the parent, and the child's exit removes each again; for a hundred
megabytes in pages of 4 KiB that was half of a session's cost. In huge pages it is one entry for each 2 MiB, which the
kernel splits only on a write. So everything that the warm-up allocates goes to the C library's heap, one range of
addresses that huge pages can cover. Its holes are filled: otherwise each session would put its first objects into them,
and so split and copy pages all over the heap instead of taking new ones after its end.

Where the kernel does not collapse pages on demand (before Linux 6.1), sessions cost more and nothing else changes.
"""

import ctypes

from sandbox.guest.gc_freeze import freeze_refcounts

_M_TOP_PAD, _M_MMAP_THRESHOLD = -2, -3  # of mallopt(3)
_DEFAULT_BYTES = 128 * 1024  # of both
_WARM_UP_PAD_BYTES = 4 << 20
_NEVER_BYTES = 1 << 30
_MADV_COLLAPSE = 25
_HUGE_PAGE_BYTES = 1 << 21
_PYTHON_SIZES = range(512, 0, -16)  # the sizes that CPython allocates from its arenas
_LARGEST_HOLE_BYTES, _SMALLEST_HOLE_BYTES = 1 << 24, 1 << 9


class Heap:
    """The C library's heap during the warm-up. Create it before anything large is imported.

    It makes the existing objects immortal: they lie in arenas that CPython mapped itself, which must never be freed, as
    they would be passed to the C library's `free`.
    """

    def __init__(self) -> None:
        self._libc = _c_library()
        self._start = self._end()
        self._set_thresholds(_NEVER_BYTES, _WARM_UP_PAD_BYTES)
        if freeze_refcounts():
            _allocate_arenas_on_the_heap()

    def compact(self) -> None:
        """End the warm-up: fill the holes and collapse the heap into huge pages.

        Later allocations come after it, large ones in mappings of their own.
        """
        self._set_thresholds(_DEFAULT_BYTES, _DEFAULT_BYTES)
        self._libc.malloc_trim(0)
        end = self._end()
        self._fill_holes(end)
        first = -(-self._start // _HUGE_PAGE_BYTES) * _HUGE_PAGE_BYTES
        for address in range(first, end - _HUGE_PAGE_BYTES + 1, _HUGE_PAGE_BYTES):
            self._libc.madvise(address, _HUGE_PAGE_BYTES, _MADV_COLLAPSE)  # best effort

    def _end(self) -> int:
        return self._libc.sbrk(0) or 0

    def _set_thresholds(self, mmap_from_bytes: int, pad_bytes: int) -> None:
        self._libc.mallopt(_M_MMAP_THRESHOLD, mmap_from_bytes)
        self._libc.mallopt(_M_TOP_PAD, pad_bytes)

    def _fill_holes(self, end: int) -> None:
        """Allocate all free memory below `end` and keep it: CPython's free blocks last, as they may need new arenas."""
        size = _LARGEST_HOLE_BYTES
        while size >= _SMALLEST_HOLE_BYTES:
            address = self._libc.malloc(size)
            if address is None or address >= end:
                self._libc.free(address)
                size = size * 7 // 8
        for size in _PYTHON_SIZES:
            while (ctypes.pythonapi.PyObject_Malloc(size) or end) < end:
                pass


class _ArenaAllocator(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("context", "alloc", "free")]


class _Allocator(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("context", "malloc", "calloc", "realloc", "free")]


def _allocate_arenas_on_the_heap() -> None:
    """Replace CPython's arena allocator, which maps each megabyte itself, by the functions of its raw allocator."""
    raw = _Allocator()
    ctypes.pythonapi.PyMem_GetAllocator(0, ctypes.byref(raw))
    ctypes.pythonapi.PyObject_SetArenaAllocator(ctypes.byref(_ArenaAllocator(raw.context, raw.malloc, raw.free)))


def _c_library() -> ctypes.CDLL:
    library = ctypes.CDLL(None)
    library.sbrk.argtypes, library.sbrk.restype = [ctypes.c_ssize_t], ctypes.c_void_p
    library.malloc.argtypes, library.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    library.free.argtypes = [ctypes.c_void_p]
    library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    allocate = ctypes.pythonapi.PyObject_Malloc
    allocate.argtypes, allocate.restype = [ctypes.c_size_t], ctypes.c_void_p
    return library
