"""The loop: where the run is, whether it goes on, and what its policies are worth."""

from cluster.monitoring.panels import Dashboard, Panel
from cluster.monitoring.queries import OF_RAY, OF_RUN, Query
from store.outcomes import COUNTED

_COUNTED = f'outcome=~"{"|".join(sorted(outcome.value for outcome in COUNTED))}"'


def _loop(name: str) -> str:
    return f"max by (run) ({OF_RUN(f'loop_{name}')})"


LOOP = Dashboard(
    "loop",
    "where the run is, whether it goes on, and what its policies are worth",
    (
        Panel(
            "Iteration",
            "the latest iteration that has its report; 0 is the warm start",
            (Query(_loop("iteration"), "{{run}}"),),
            "none",
            "stat",
            width=4,
        ),
        Panel(
            "Policy",
            "the latest published version, and the promoted one, which is served",
            (Query(_loop("policy_version"), "published"), Query(_loop("promoted_version"), "promoted")),
            "none",
            "stat",
            width=4,
        ),
        Panel(
            "Missing rollouts",
            "scheduled training rollouts that are not in the store",
            (Query(_loop("missing_rollouts"), "{{run}}"),),
            kind="stat",
            width=4,
        ),
        Panel(
            "Samplers",
            "those whose engine has started, and those that the run should have",
            (Query(_loop("samplers_working"), "working"), Query(_loop("samplers"), "wanted")),
            "none",
            "stat",
            width=4,
        ),
        Panel(
            "Held up",
            "parts that wait for a store, resources or a start; `automathes status` names them",
            (Query(_loop("holdups"), "{{run}}"),),
            "none",
            "stat",
            width=4,
        ),
        Panel(
            "Driver seen",
            "seconds since the driver last looked after the run",
            (Query(f"time() - {_loop('seen_seconds')}", "{{run}}"),),
            "s",
            "stat",
            width=4,
        ),
        Panel(
            "pass@1",
            "greedy score of the latest policy on the held-out problems",
            (Query(_loop("pass_at_1"), "{{run}}"),),
            "percentunit",
        ),
        Panel(
            "Acceptance by iteration",
            "accepted rollouts per rollout that counts, and the share of them that their code supports",
            (Query(_loop("acceptance_rate"), "accepted"), Query(_loop("supported_share"), "supported")),
            "percentunit",
        ),
        Panel(
            "Accepted share now",
            "of all rollouts that are written, evaluations included",
            (
                Query(
                    f"{OF_RUN.per_second('rollouts', 'run', 'outcome="accepted"')} / "
                    f"({OF_RUN.per_second('rollouts', 'run', _COUNTED)} > 0)",
                    "{{run}}",
                ),
            ),
            "percentunit",
        ),
        Panel(
            "Rollouts by outcome",
            "what samplers write to the store, per second",
            (Query(OF_RUN.per_second("rollouts", "outcome"), "{{outcome}}"),),
            "ops",
            stacked=True,
        ),
        Panel(
            "Seconds by phase",
            "of the latest iteration; sampling and learning overlap where `iteration.lead` is above 0",
            (Query(f"max by (run, phase) ({OF_RUN('phase_seconds')})", "{{phase}}"),),
            "s",
        ),
        Panel(
            "Lag of what is trained on",
            "mean age of the tokens in the latest training set, in published policies",
            (Query(_loop("training_lag"), "{{run}}"),),
            "none",
        ),
        Panel(
            "Free disk",
            "share that is free: on the disk of the run's folder, and on each machine of the cluster",
            (
                Query(f"{_loop('disk_free_bytes')} / ({_loop('disk_bytes')} > 0)", "run's folder"),
                Query(
                    f"min by (ip) ({OF_RAY('node_disk_free')}"
                    f" / ({OF_RAY('node_disk_free')} + {OF_RAY('node_disk_usage')}))",
                    "{{ip}}",
                ),
            ),
            "percentunit",
        ),
        Panel(
            "Cluster utilization",
            "processors, memory and GPUs of all machines; Ray's Overview page shows it",
            (
                Query(f"avg({OF_RAY('node_cpu_utilization')}) / 100", "processors"),
                Query(f"sum({OF_RAY('node_mem_used')}) / sum({OF_RAY('node_mem_total')})", "memory"),
                Query(f"avg({OF_RAY('node_gpus_utilization')}) / 100", "GPUs"),
            ),
            "percentunit",
            id=41,
        ),
        Panel(
            "Node count",
            "machines of the cluster that report; Ray's Overview page shows it",
            (Query(f"count(count by (ip) ({OF_RAY('node_cpu_utilization')}))", "nodes"),),
            "none",
            id=24,
        ),
    ),
)
