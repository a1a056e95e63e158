"""Moves the loaded shared libraries into huge pages, which make forks of the warm parent cheap.

A library takes five mappings or more. With a hundred libraries, copying and removing the mappings was a quarter of the
cost of a fork and an exit. Neighbouring libraries become one anonymous mapping at the same addresses, with one page
table entry for each 2 MiB, so that sessions find them mapped instead of faulting in each page that they use. The
mapping can be written and executed throughout: a session may change the protection of its memory anyhow, and what it
writes goes to its own copy.

Where the kernel does not collapse pages on demand (before Linux 6.1), nothing is moved.
"""

import ctypes
from dataclasses import dataclass

from sandbox.guest.memory.heap import HUGE_PAGE_BYTES, MADV_COLLAPSE

PAGE_BYTES = 4096
GAP_BYTES = 2 * HUGE_PAGE_BYTES  # of addresses without a mapping between two neighbours
LARGE_BYTES = 2 * HUGE_PAGE_BYTES  # of neighbours together, which always holds a whole huge page
PAGES_A_LIBRARY = 125  # a library's five mappings cost a fork as much as so many pages of its own
# Their data may change while they are copied, so only what precedes it is: the interpreter, and what it needs for that.
IN_USE = ("libpython", "libc.", "ld-linux", "_ctypes.", "libffi")
NEVER_MOVED = ("", "linux-vdso.so.1")  # the program itself, and the kernel's library
_PT_LOAD, _PF_WRITE = 1, 2
_PROT_ALL, _MAP_PRIVATE_ANONYMOUS, _MREMAP_MAYMOVE_FIXED = 7, 0x22, 3
_MAP_FAILED = ctypes.c_void_p(-1).value


@dataclass(frozen=True, slots=True)
class Image:
    """The addresses of a loaded library, from the first to the end, and its segments as pairs of these."""

    start: int
    end: int
    segments: tuple[tuple[int, int], ...]


class Libraries:
    """The C library's functions on mappings."""

    def __init__(self) -> None:
        self._libc = libc = ctypes.CDLL(None, use_errno=True)
        address, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
        libc.mmap.argtypes = [address, size, number, number, number, ctypes.c_long]
        libc.mremap.argtypes = [address, size, size, number, address]
        libc.munmap.argtypes = [address, size]
        libc.madvise.argtypes = [address, size, number]
        libc.mincore.argtypes = [address, size, address]
        libc.mmap.restype = libc.mremap.restype = ctypes.c_void_p

    def move(self) -> None:
        """Move every group of neighbours that is large enough. Best effort: what cannot be moved stays."""
        groups: list[list[Image]] = []
        for image in sorted(self._images(), key=lambda image: image.start):
            if groups and self._adjoin(groups[-1][-1].end, image.start):
                groups[-1].append(image)
            else:
                groups.append([image])
        for group in groups:
            if _worthwhile(group):
                self._move(group)

    def _move(self, images: list[Image]) -> None:
        """Copy the images to a new mapping, and put it in their place in one system call."""
        start, end = images[0].start, images[-1].end
        room = end - start + HUGE_PAGE_BYTES
        scratch = self._libc.mmap(None, room, _PROT_ALL, _MAP_PRIVATE_ANONYMOUS, -1, 0)
        if scratch in (None, _MAP_FAILED):
            return
        offset = scratch + (start - scratch) % HUGE_PAGE_BYTES - start
        for low, high in (segment for image in images for segment in image.segments):
            ctypes.memmove(low + offset, low, high - low)
        if self._collapse(images, offset):
            self._libc.mremap(start + offset, end - start, end - start, _MREMAP_MAYMOVE_FIXED, start)
            self._libc.munmap(scratch, start + offset - scratch)
            self._libc.munmap(end + offset, scratch + room - end - offset)
        else:
            self._libc.munmap(scratch, room)

    def _collapse(self, images: list[Image], offset: int) -> bool:
        """Collapse the huge pages that hold parts of images. Returns False if the kernel does not."""
        first = -(-images[0].start // HUGE_PAGE_BYTES)
        last = images[-1].end // HUGE_PAGE_BYTES
        held = {
            page
            for image in images
            for low, high in image.segments
            for page in range(low // HUGE_PAGE_BYTES, -(-high // HUGE_PAGE_BYTES))
        }
        return all(
            self._libc.madvise(page * HUGE_PAGE_BYTES + offset, HUGE_PAGE_BYTES, MADV_COLLAPSE) == 0
            for page in sorted(held)
            if first <= page < last
        )

    def _adjoin(self, end: int, start: int) -> bool:
        """Whether nothing is mapped between two images, or nothing lies between them."""
        if start - end > GAP_BYTES:
            return False
        resident = ctypes.c_ubyte()
        return all(
            self._libc.mincore(page, PAGE_BYTES, ctypes.byref(resident)) != 0 for page in range(end, start, PAGE_BYTES)
        )

    def _images(self) -> list[Image]:
        images = []

        @_CALLBACK
        def take(info: "ctypes._Pointer[_Info]", _size: int, _data: int) -> int:
            name = (info.contents.name or b"").decode().rpartition("/")[2]
            if name not in NEVER_MOVED:
                images.append(_image(info.contents, constant=name.startswith(IN_USE)))
            return 0

        self._libc.dl_iterate_phdr(take, None)
        return images


def _worthwhile(images: list[Image]) -> bool:
    """Whether the mappings that are saved cost more than the small pages that remain at both ends."""
    start, end = images[0].start, images[-1].end
    if end - start >= LARGE_BYTES:
        return True
    return (end - start) // PAGE_BYTES <= PAGES_A_LIBRARY * len(images)


class _Header(ctypes.Structure):
    """Elf64_Phdr."""

    _fields_ = [
        *[(name, ctypes.c_uint32) for name in ("type", "flags")],
        *[(name, ctypes.c_uint64) for name in ("offset", "address", "physical", "file_bytes", "bytes", "alignment")],
    ]


class _Info(ctypes.Structure):
    """The beginning of struct dl_phdr_info."""

    _fields_ = [
        ("base", ctypes.c_uint64),
        ("name", ctypes.c_char_p),
        ("headers", ctypes.POINTER(_Header)),
        ("count", ctypes.c_uint16),
    ]


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Info), ctypes.c_size_t, ctypes.c_void_p)


def _image(info: _Info, *, constant: bool) -> Image:
    """`constant`: without the segments that can be written."""
    segments = []
    for header in info.headers[: info.count]:
        if header.type == _PT_LOAD and not (constant and header.flags & _PF_WRITE):
            start, end = info.base + header.address, info.base + header.address + header.bytes
            segments.append((start // PAGE_BYTES * PAGE_BYTES, -(-end // PAGE_BYTES) * PAGE_BYTES))
    return Image(segments[0][0], segments[-1][1], tuple(segments))
