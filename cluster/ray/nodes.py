"""Calls on the nodes of the cluster."""

from collections.abc import Callable

_LIMIT_S = 120.0  # for a worker process to start there and to import what the function needs


def on_nodes(function: Callable[[], str], *, and_here: bool) -> dict[str, str | Exception]:
    """Call a function on every other node that is alive, `and_here`; returns what it returned or raised, by node.

    A node that does not answer within two minutes has a `TimeoutError`.
    """
    import ray
    from ray.exceptions import RayError, RayTaskError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = ray.get_runtime_context().get_node_id()
    task = ray.remote(num_cpus=0, max_retries=0)(_call)
    calls = {
        task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(function): (
            f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
        )
        for node in ray.nodes()
        if node["Alive"] and (and_here or node["NodeID"] != here)
    }
    if not calls:
        return {}
    done, _ = ray.wait(list(calls), num_returns=len(calls), timeout=_LIMIT_S)
    results: dict[str, str | Exception] = {}
    for call, name in calls.items():
        if call not in done:
            results[name] = TimeoutError(f"the node did not answer within {_LIMIT_S:g} s")
            continue
        try:
            results[name] = ray.get(call)
        except RayTaskError as error:
            results[name] = error.cause
        except RayError as error:
            results[name] = error
    return results


def _call(function: Callable[[], str]) -> str:
    return function()
