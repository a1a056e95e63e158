"""`automathes doctor --cluster`: check every host of a Ray cluster, and where a run's ranks and samplers would go."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from rich.console import Console

from cluster.commands.doctor.machine import examine_host
from cluster.config.hosts.host import Cluster, Host
from cluster.config.loading import load_config
from cluster.config.placement import place_in
from cluster.config.plan import Plan, plan_run
from cluster.config.run_config import RaySettings, RunConfig
from cluster.console.findings import print_findings
from cluster.console.output import print_json
from cluster.console.tables.host_table import render_hosts
from cluster.ray.hosts import cluster_here, joined, on_each
from sandbox.host import Finding, Level


def doctor_cluster(arguments: argparse.Namespace) -> int:
    """Check the cluster and print the findings. Returns 1 if one of them prevents a run, or the run does not fit.

    Raises:
        ConfigError: the configuration is wrong.
        RayUnavailableError: there is no Ray cluster at the address.
    """
    config = _config(arguments)
    settings = RaySettings() if config is None else config.ray
    settings = settings.model_copy(update={"address": arguments.address or settings.address or "auto"})
    with joined(settings):
        cluster = cluster_here(
            settings, 0 if config is None else config.learner.num_ranks + config.sampler.num_samplers
        )
        by_host = on_each(cluster.hosts, examine_host)
    findings = collect(cluster.hosts, by_host)
    plan = None if config is None else plan_run(place_in(config, cluster), arguments.runs, cluster=cluster)
    failed = any(finding.level is Level.FAIL for finding in findings) or (plan is not None and not plan.fits)
    if arguments.json:
        print_json(_record(cluster, findings, plan, failed=failed))
    else:
        _print(cluster, findings, plan, failed=failed)
    return 1 if failed else 0


def _config(arguments: argparse.Namespace) -> RunConfig | None:
    if not (arguments.preset or arguments.config or arguments.overrides):
        return None
    return load_config(arguments.preset, arguments.config, arguments.overrides)


def collect(hosts: Sequence[Host], by_host: Mapping[str, Sequence[Finding]]) -> list[Finding]:
    """What was found on each host, under its name: problems one by one, and a line where there are none."""
    found = []
    for host in hosts:
        if host.name not in by_host:
            what = "does not answer, or cannot import this project (see the run's log)."
            found.append(Finding(host.name, Level.FAIL, what, "Install the same version there: `make setup`."))
            continue
        problems = [finding for finding in by_host[host.name] if finding.level is not Level.OK]
        found += [replace(problem, name=f"{host.name}: {problem.name}") for problem in problems]
        if not problems:
            found.append(Finding(host.name, Level.OK, f"all {len(by_host[host.name])} checks passed"))
    return found


def _print(cluster: Cluster, findings: list[Finding], plan: Plan | None, *, failed: bool) -> None:
    console = Console()
    console.print(render_hosts(cluster.hosts if plan is None else plan.hosts, None if plan is None else plan.layout))
    if plan is not None:
        lines = [*plan.notes, "The run fits." if plan.fits else "The run does not fit:", *plan.shortfalls]
        console.print("\n".join(lines) + "\n", markup=False, highlight=False, soft_wrap=True)
    print_findings(findings, failed=failed, as_json=False)


def _record(cluster: Cluster, findings: list[Finding], plan: Plan | None, *, failed: bool) -> Mapping[str, object]:
    placed = {} if plan is None else {
        "learner_ranks": [_name(plan.hosts, place) for place in plan.layout.ranks],
        "samplers": [_name(plan.hosts, place) for place in plan.layout.samplers],
        "shortfalls": list(plan.shortfalls),
        "notes": list(plan.notes),
    }  # fmt: skip
    return {
        "ok": not failed,
        "hosts": [asdict(host) for host in cluster.hosts],
        **placed,
        "findings": [asdict(finding) for finding in findings],
    }


def _name(hosts: Sequence[Host], place: int | None) -> str | None:
    return None if place is None else hosts[place].name
