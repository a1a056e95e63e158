"""Imports what an engine's process needs, by being imported itself: once, in the process that engines are forked from.

The modules are then exempt from garbage collection, so that a forked process need not copy their pages.
"""

import gc
import os
from contextlib import suppress
from importlib import import_module

from actors.engine.process.quiet_imports import without_collection

with without_collection():
    for name in (
        "vllm.model_executor.model_loader",
        "vllm.model_executor.models.llama",
        "vllm.v1.engine.core",
        "vllm.v1.executor.uniproc_executor",
        "vllm.v1.worker.cpu_worker",
    ):
        import_module(name)
gc.freeze()

# The engines inherit it. Where they share processors with their sampler, which feeds them and the sandbox, a wake-up of
# theirs then does not interrupt it. With the sandbox's (see sandbox/guest/zygote.py), a rollout of the demo takes a
# tenth less of the processors' time.
with suppress(OSError):
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
