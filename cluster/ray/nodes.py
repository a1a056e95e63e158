"""Calls on the nodes of the cluster."""

from collections.abc import Callable, Mapping
from typing import Any

_LIMIT_S = 120.0  # for a worker process to start there and to import what the function needs


def on_nodes(function: Callable[[], str], *, and_here: bool) -> dict[str, str | Exception]:
    """Call a function on every other node that is alive, `and_here`; returns what it returned or raised, by node.

    A node that does not answer within two minutes has a `TimeoutError`.
    """
    import ray

    here = ray.get_runtime_context().get_node_id()
    names = {
        node["NodeID"]: f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
        for node in ray.nodes()
        if node["Alive"] and (and_here or node["NodeID"] != here)
    }
    return {names[node]: result for node, result in call_on(names, function, _LIMIT_S).items()}


def call_on(nodes: Mapping[str, object], function: Callable[[], Any], limit_s: float) -> dict[str, Any | Exception]:
    """Call a function on the nodes with these ids, all at once; returns what it returned or raised, by id.

    A node that does not answer within `limit_s` has a `TimeoutError`; what runs there is cancelled.
    """
    import ray
    from ray.exceptions import RayError, RayTaskError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    if not nodes:
        return {}
    task = ray.remote(num_cpus=0, max_retries=0)(_call)
    calls = {
        task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(function): node
        for node in nodes
    }
    done, late = ray.wait(list(calls), num_returns=len(calls), timeout=limit_s)
    results: dict[str, Any | Exception] = {}
    for call in done:
        try:
            results[calls[call]] = ray.get(call)
        except RayTaskError as error:
            results[calls[call]] = error.cause
        except RayError as error:
            results[calls[call]] = error
    for call in late:
        results[calls[call]] = TimeoutError(f"the node did not answer within {limit_s:g} s")
        ray.cancel(call, force=True)
    return results


def _call(function: Callable[[], Any]) -> Any:
    return function()
