"""The names of a run's actors in Ray, by which its dashboard and `ray list actors` show them."""

import uuid
from collections import Counter


class ActorNames:
    """Gives out names such as `automathes/demo-1/sampler-3`, each of them once.

    Ray refuses a name that an actor of the same namespace still has, and frees it some time after the actor has ended.
    So each group of actors has a namespace of its own, and the second actor of a role is called `sampler-3.2`.
    """

    def __init__(self, run: str) -> None:
        """`run` is the name of the run's folder."""
        self.namespace = f"automathes-{uuid.uuid4().hex[:12]}"
        self._run = run
        self._given: Counter[str] = Counter()

    def options(self, role: str) -> dict[str, str]:
        """Ray's options for the name of a new actor in a role such as `sampler-3`."""
        self._given[role] += 1
        times = self._given[role]
        suffix = f".{times}" if times > 1 else ""
        return {"name": f"automathes/{self._run}/{role}{suffix}", "namespace": self.namespace}
