"""Lays out the warm parent's memory so that forks of it are cheap: contiguous, without holes, in huge pages.

A fork copies a page table entry for each page of the parent, and the child's exit removes each again; for a hundred
megabytes in pages of 4 KiB that was half of a session's cost. In huge pages it is one entry for each 2 MiB, which the
kernel splits only on a write. So everything that the warm-up allocates goes to the C library's heap, one range of
addresses that huge pages can cover. Its holes are filled: otherwise each session would put its first objects into them,
and so split and copy pages all over the heap instead of taking new ones after its end.

Where the kernel does not collapse pages on demand (before Linux 6.1), sessions cost more and nothing else changes.
"""

import ctypes
import gc
import sys
from typing import Any

from sandbox.guest.memory.gc_freeze import VERSIONS, freeze_refcounts

_M_TOP_PAD, _M_MMAP_THRESHOLD = -2, -3  # of mallopt(3)
_DEFAULT_BYTES = 128 * 1024  # of both
_WARM_UP_PAD_BYTES = 4 << 20
_NEVER_BYTES = 1 << 30
MADV_COLLAPSE = 25
HUGE_PAGE_BYTES = 1 << 21
_LARGEST_BLOCK_BYTES, _POOL_BYTES, _POOL_HEADER_BYTES = 512, 1 << 14, 48  # of CPython's obmalloc.c
_SMALL_BLOCK_BYTES = 128  # and less, as these functions use them for themselves
_LARGEST_HOLE_BYTES, _EXACT_BYTES = 1 << 24, 1040
_ROUNDS = (_LARGEST_BLOCK_BYTES, _SMALL_BLOCK_BYTES, _SMALL_BLOCK_BYTES)  # the largest blocks that each fills


class Heap:
    """The C library's heap during the warm-up. Create it before anything large is imported.

    It makes the existing objects immortal: they lie in arenas that CPython mapped itself, which must never be freed, as
    they would be passed to the C library's `free`.
    """

    def __init__(self) -> None:
        self._libc = _c_library()
        self._hole_sizes = _hole_sizes()
        self._kept_slices: list[Any] = []
        self._set_thresholds(_NEVER_BYTES, _WARM_UP_PAD_BYTES)
        self._start = self._end = self._grow_to_boundary()
        if sys.version_info[:2] in VERSIONS:
            _allocate_arenas_on_the_heap(free=False)
            freeze_refcounts()
            _allocate_arenas_on_the_heap(free=True)

    def compact(self) -> None:
        """End the warm-up: collapse the heap into huge pages. Later allocations come after it."""
        self._libc.malloc_trim(0)
        self._end = self._grow_to_boundary()
        self.fill()
        for address in range(self._start, self._end, HUGE_PAGE_BYTES):
            self._libc.madvise(address, HUGE_PAGE_BYTES, MADV_COLLAPSE)  # best effort

    def fill(self, *, again: bool = False) -> None:
        """Allocate the free memory in the huge pages and keep it. The first round makes holes while it fills others.

        `again`: little was freed since the last time. One round takes fewer new pages, which every fork copies.
        """
        self._set_thresholds(_NEVER_BYTES, _WARM_UP_PAD_BYTES)
        for largest in _ROUNDS[-1:] if again else _ROUNDS:
            gc.collect()  # empties CPython's free lists
            self._fill_holes()
            self._fill_pools(largest)
        self._replace_cached_slice()
        self._set_thresholds(_DEFAULT_BYTES, _DEFAULT_BYTES)

    def _replace_cached_slice(self) -> None:
        """Keep the slice that CPython holds for the next one to be made, and leave it one that lies elsewhere."""
        self._kept_slices.append(slice(0))
        slice(0)

    def _grow_to_boundary(self) -> int:
        """Move the end of the heap to the next boundary of a huge page, which is returned, and keep what that adds."""
        before = self._libc.sbrk(0) or 0
        end = -(-before // HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES
        self._libc.sbrk(end - before)
        return end

    def _set_thresholds(self, mmap_from_bytes: int, pad_bytes: int) -> None:
        self._libc.mallopt(_M_MMAP_THRESHOLD, mmap_from_bytes)
        self._libc.mallopt(_M_TOP_PAD, pad_bytes)

    def _fill_holes(self) -> None:
        """Allocate the C library's free memory: its large pieces in parts, the small ones by their exact sizes."""
        for size in self._hole_sizes:
            while (address := self._libc.malloc(size) or self._end) < self._end:
                pass
            self._libc.free(address if address > self._end else None)

    def _fill_pools(self, largest: int) -> None:
        """Allocate CPython's free blocks of at most `largest` bytes.

        It takes a block from a new pool only if all other pools of that size are full: from the first block of a pool
        outside the huge pages follows that they have no holes of this size left.
        """
        for size in range(largest, 0, -16):
            address = self._end
            while self._start <= address < self._end or address % _POOL_BYTES != _POOL_HEADER_BYTES:
                address = ctypes.pythonapi.PyObject_Malloc(size) or _POOL_HEADER_BYTES


class _ArenaAllocator(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("context", "alloc", "free")]


class _Allocator(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("context", "malloc", "calloc", "realloc", "free")]


def _hole_sizes() -> tuple[int, ...]:
    sizes = [_LARGEST_HOLE_BYTES]
    while sizes[-1] > _EXACT_BYTES:
        sizes.append(sizes[-1] * 7 // 8)
    return (*sizes, *range(_EXACT_BYTES, 0, -16))


def _allocate_arenas_on_the_heap(*, free: bool) -> None:
    """Replace CPython's arena allocator, which maps each megabyte itself, by the functions of its raw allocator.

    `free`: whether arenas that are empty are freed.
    """
    raw, does_nothing = _Allocator(), ctypes.cast(ctypes.pythonapi.Py_IsInitialized, ctypes.c_void_p).value
    ctypes.pythonapi.PyMem_GetAllocator(0, ctypes.byref(raw))
    allocator = _ArenaAllocator(raw.context, raw.malloc, raw.free if free else does_nothing)
    ctypes.pythonapi.PyObject_SetArenaAllocator(ctypes.byref(allocator))


def _c_library() -> ctypes.CDLL:
    library = ctypes.CDLL(None)
    library.sbrk.argtypes, library.sbrk.restype = [ctypes.c_ssize_t], ctypes.c_void_p
    library.malloc.argtypes, library.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    library.free.argtypes = [ctypes.c_void_p]
    library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    allocate = ctypes.pythonapi.PyObject_Malloc
    allocate.argtypes, allocate.restype = [ctypes.c_size_t], ctypes.c_void_p
    return library
