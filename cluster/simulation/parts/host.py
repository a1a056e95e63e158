"""The processor cores that parts share where engines and the learner run on the CPU."""

from collections.abc import Callable


class HostCores:
    """Cores that are shared evenly among the parts that are busy, by what each could use.

    All of them slow down alike once they could use more cores than there are. Without a number of cores (parts on GPUs)
    nothing ever slows down.
    """

    def __init__(self, cores: float | None) -> None:
        self._cores = cores
        self._wanted = 0.0
        self._listeners: list[tuple[Callable[[], None], Callable[[], None]]] = []
        self.speed = 1.0
        """The share of its full speed that each busy part has now."""

    def subscribe(self, before: Callable[[], None], after: Callable[[], None]) -> None:
        """Call `before` and `after` around each change of the speed."""
        self._listeners.append((before, after))

    def use(self, cores: float) -> None:
        """A part that could use so many cores becomes busy; a negative number: it becomes idle."""
        if self._cores is None or cores == 0.0:
            return
        self._wanted += cores
        speed = speed_of(self._cores, self._wanted)
        if speed == self.speed:
            return
        for before, _ in self._listeners:
            before()
        self.speed = speed
        for _, after in self._listeners:
            after()


def speed_of(cores: float | None, wanted: float) -> float:
    """The share of its full speed that each part has if all together could use `wanted` cores."""
    return 1.0 if cores is None or wanted <= cores else cores / wanted
