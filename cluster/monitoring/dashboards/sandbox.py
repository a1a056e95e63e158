"""The sandbox: how much model-written code runs, for how long, and what fails around it."""

from cluster.monitoring.panels import Dashboard, Panel
from cluster.monitoring.queries import OF_RUN, Query

SANDBOX = Dashboard(
    "sandbox",
    "how much model-written code runs, for how long, and what fails around it",
    (
        Panel(
            "Code blocks by status",
            "per second; `error` and `timeout` are the code's own, `sandbox_failure` is not",
            (Query(OF_RUN.per_second("executions", "status"), "{{status}}"),),
            "ops",
            width=12,
            stacked=True,
        ),
        Panel(
            "Seconds of a code block",
            "wall time, without the wait for a slot",
            OF_RUN.quantiles("block_seconds", 0.5, 0.95, 0.99),
            "s",
            width=12,
        ),
        Panel(
            "Sessions and blocks",
            "open sessions, blocks that compute, and what waits for a slot",
            (
                Query(f"sum by (run) ({OF_RUN('sandbox_sessions')})", "sessions"),
                Query(f"sum by (run) ({OF_RUN('sandbox_running_blocks')})", "computing"),
                Query(f"sum by (run) ({OF_RUN('sandbox_waiting')})", "waiting"),
            ),
        ),
        Panel(
            "Waiting by sampler",
            "sessions and blocks that wait for a slot: more `sandbox_cpus` would help",
            (Query(f"max by (sampler) ({OF_RUN('sandbox_waiting')})", "sampler {{sampler}}"),),
        ),
        Panel(
            "Failures of the sandbox",
            "blocks that a failure ended, by sampler, per second; most are run again",
            (
                Query(OF_RUN.counted("sandbox_failures", "sampler"), "failed on {{sampler}}"),
                Query(OF_RUN.counted("sandbox_retries", "sampler"), "retried on {{sampler}}"),
            ),
            "ops",
        ),
        Panel(
            "Jails replaced",
            "by reason, per second",
            (Query(OF_RUN.counted("sandbox_renewals", "reason"), "{{reason}}"),),
            "ops",
            width=12,
        ),
        Panel(
            "Answers without a verdict",
            "comparisons that the answer checker could not decide, by reason, per second",
            (Query(OF_RUN.counted("answers_undecided", "reason"), "{{reason}}"),),
            "ops",
            width=12,
        ),
    ),
)
