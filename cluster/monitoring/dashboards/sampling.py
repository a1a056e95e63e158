"""Sampling: how fast samplers are, what their engines do, and what fails."""

from cluster.monitoring.panels import Dashboard, Panel
from cluster.monitoring.queries import OF_RUN, Query


def _sampler(name: str) -> str:
    return f"max by (run, sampler) ({OF_RUN(name)})"


SAMPLING = Dashboard(
    "sampling",
    "how fast samplers are, what their engines do, and what fails",
    (
        Panel(
            "Tokens per second",
            "that each sampler's policy wrote, in rollouts that the store has",
            (Query(OF_RUN.per_second("model_tokens", "sampler"), "sampler {{sampler}}"),),
            "ops",
            width=12,
            stacked=True,
        ),
        Panel(
            "Rollouts per second",
            "by sampler; one that lags behind the others is worth a look at its log",
            (Query(OF_RUN.per_second("rollouts", "sampler"), "sampler {{sampler}}"),),
            "ops",
            width=12,
            stacked=True,
        ),
        Panel(
            "Seconds of a rollout",
            "wall time from its start to its verdict: engine, sandbox and checker",
            OF_RUN.quantiles("rollout_seconds", 0.5, 0.95),
            "s",
        ),
        Panel(
            "Requests in the engines",
            "what the engines compute, and what waits for room in them",
            (
                Query(f"sum by (run) ({OF_RUN('engine_running')})", "running"),
                Query(f"sum by (run) ({OF_RUN('engine_waiting')})", "waiting"),
                Query(f"sum by (run) ({OF_RUN('requests_in_flight')})", "unfinished"),
            ),
        ),
        Panel(
            "KV cache in use",
            "share of each engine's cache; near 1, requests are preempted and computed again",
            (Query(_sampler("engine_kv_cache_use"), "sampler {{sampler}}"),),
            "percentunit",
        ),
        Panel(
            "Policy by sampler",
            "the version in each engine; -1 before it has started",
            (Query(_sampler("policy_version"), "sampler {{sampler}}"),),
            "none",
        ),
        Panel(
            "Versions behind",
            "how many published versions each sampler has not loaded yet",
            (
                Query(
                    f"max by (run) ({OF_RUN('loop_policy_version')})"
                    f" - on (run) group_right () ({_sampler('policy_version')} >= 0)",
                    "sampler {{sampler}}",
                ),
            ),
            "none",
        ),
        Panel(
            "Trained tokens by lag",
            "of the latest training set, by the age of the policy that sampled them",
            (Query(f"sum by (lag) ({OF_RUN('training_lag_tokens')})", "lag {{lag}}"),),
            stacked=True,
        ),
        Panel(
            "Faults",
            "rollouts that ended in a fault after all retries, by what failed, per second",
            (Query(OF_RUN.counted("faults", "kind"), "{{kind}}"),),
            "ops",
        ),
        Panel(
            "Retries after faults",
            "attempts and checks that were made again, by what failed, per second",
            (Query(OF_RUN.counted("fault_retries", "kind"), "{{kind}}"),),
            "ops",
        ),
        Panel(
            "Support of accepted rollouts",
            "whether the answer follows from the code that was run, per second",
            (Query(OF_RUN.counted("support", "support"), "{{support}}"),),
            "ops",
            stacked=True,
        ),
    ),
)
