"""The cleaner of shared memory: a process that outlives a sampler which is killed, by the moment that cleaning takes.

Python's resource tracker removes the segments and semaphores of the processes that share it once all of them have
ended. But Ray kills the children of a worker that it stops, and the process group of one that died, the tracker among
them: each sampler that died would leave vLLM's segments in /dev/shm, hundreds of megabytes with several GPUs.
"""

import os
import subprocess
import sys
from multiprocessing import resource_tracker
from typing import Any

_TRACKER = """
import os
if os.fork() == 0:
    from multiprocessing.resource_tracker import main
    main({descriptor})
"""


def outlive_process_group() -> None:
    """Start the resource tracker of this process, in a session of its own and as no child of it, if there is none."""
    tracker: Any = resource_tracker._resource_tracker
    with tracker._lock:
        if tracker._fd is not None:
            return
        reading, writing = os.pipe()
        command = [sys.executable, "-c", _TRACKER.format(descriptor=reading)]
        subprocess.run(command, pass_fds=[reading], start_new_session=True, check=True)  # noqa: S603
        os.close(reading)
        tracker._fd = writing
        tracker._stop = lambda: None  # it would wait for a child
