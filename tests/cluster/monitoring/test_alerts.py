"""Each alert fires when it must, stays quiet when it must not, and is in the guide."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.monitoring.files import ALERTS, FILES
from tests.cluster.ray.files import REPOSITORY, rows_of

from .metrics import OF_RAY, SERVING, declared, named
from .programs import needs_prometheus, promtool
from .test_dashboards import RAYS

RULES = yaml.safe_load((FILES / ALERTS).read_text())["groups"][0]["rules"]
RUN = "CASE"
"""The run, machine or node of a case. Each case has its own, so that Prometheus plays all of them at once."""
LOOP, SAMPLER = f'run="{RUN}",WorkerId="a"', f'run="{RUN}",sampler="1",WorkerId="b"'

type Series = dict[str, str]


def loop(name: str, values: str) -> Series:
    return {f"ray_automathes_loop_{name}{{{LOOP}}}": values}


def sampler(name: str, values: str, labels: str = SAMPLER) -> Series:
    return {f"ray_automathes_{name}{{{labels}}}": values}


def rollouts(values: str) -> Series:
    return sampler("rollouts_total", values, f'{SAMPLER},outcome="wrong"')


def faults(name: str, values: str) -> Series:
    return sampler(name, values, f'{SAMPLER},kind="engine"')


def skipped(values: str) -> Series:
    return sampler("learner_skipped_steps_total", values, f'run="{RUN}",rank="0"')


def disk(free: int, used: int) -> Series:
    return {
        f'ray_node_disk_free{{ip="{RUN}"}}': f"{free}{HOUR}",
        f'ray_node_disk_usage{{ip="{RUN}"}}': f"{used}{HOUR}",
    }


def requests(**per_minute: int) -> Series:
    return {
        f'ray_automathes_serving_requests_total{{route="/v1/completions",status="{status[1:]}"}}': f"0+{count}{HOUR}"
        for status, count in per_minute.items()
    }


HOUR = "x60"  # of minutes
OF_RUN, OF_SAMPLER, OF_NODE, OF_MACHINE = (
    {"run": RUN},
    {"run": RUN, "sampler": "1"},
    {"instance": RUN, "job": "ray"},
    {"ip": RUN},
)
CASES: list[tuple[str, Series, dict[str, str] | None]] = [
    # (alert, its series by the minute, the labels that it has after an hour, or None if it must be quiet)
    ("NoRollouts", loop("is_sampling", f"1{HOUR}"), OF_RUN),
    ("NoRollouts", loop("is_sampling", f"1{HOUR}") | rollouts(f"5{HOUR}"), OF_RUN),
    ("NoRollouts", loop("is_sampling", f"1{HOUR}") | rollouts(f"0+1{HOUR}"), None),
    ("NoRollouts", loop("is_sampling", f"0{HOUR}"), None),
    ("DriverSilent", loop("seen_seconds", f"60{HOUR}"), OF_RUN),
    ("DriverSilent", loop("seen_seconds", f"0+60{HOUR}"), None),
    ("DriverGone", loop("seen_seconds", "60x30 _x30"), OF_RUN),
    ("DriverGone", loop("seen_seconds", f"0+60{HOUR}"), None),
    ("HeldUp", loop("holdups", f"2{HOUR}"), OF_RUN),
    ("HeldUp", loop("holdups", "2x50 0x10"), None),
    ("SamplerLost", loop("samplers", f"4{HOUR}") | loop("samplers_working", f"3{HOUR}"), OF_RUN),
    ("SamplerLost", loop("samplers", f"4{HOUR}") | loop("samplers_working", f"4{HOUR}"), None),
    ("SamplerLost", loop("samplers", f"4{HOUR}") | loop("samplers_working", "4x50 3x10"), None),
    ("NodeLost", {f'up{{job="ray",instance="{RUN}"}}': f"0{HOUR}"}, OF_NODE),
    ("NodeLost", {f'up{{job="ray",instance="{RUN}"}}': f"1{HOUR}"}, None),
    ("AcceptanceFalls", loop("acceptance_rate", "0.6x30 0.3x30"), OF_RUN),
    ("AcceptanceFalls", loop("acceptance_rate", "0.3x30 0.6x30"), None),
    ("AcceptanceFalls", loop("acceptance_rate", "0.6x30 0.5x30"), None),
    ("PolicyLagGrows", loop("policy_version", f"5{HOUR}") | sampler("policy_version", f"3{HOUR}"), OF_SAMPLER),
    ("PolicyLagGrows", loop("policy_version", f"5{HOUR}") | sampler("policy_version", f"4{HOUR}"), None),
    ("PolicyLagGrows", loop("policy_version", f"5{HOUR}") | sampler("policy_version", f"-1{HOUR}"), None),
    (
        "PolicyLagGrows",  # the series of the process before it is still there
        loop("policy_version", f"5{HOUR}")
        | sampler("policy_version", f"1{HOUR}")
        | sampler("policy_version", f"5{HOUR}", SAMPLER.replace('"b"', '"c"')),
        None,
    ),
    ("Faults", faults("faults_total", f"0+1{HOUR}") | rollouts(f"0+10{HOUR}"), OF_RUN),
    ("Faults", faults("faults_total", f"0+1{HOUR}") | rollouts(f"0+100{HOUR}"), None),
    ("FaultRetriesRise", faults("fault_retries_total", f"0+3{HOUR}") | rollouts(f"0+10{HOUR}"), OF_RUN),
    ("FaultRetriesRise", faults("fault_retries_total", f"0+1{HOUR}") | rollouts(f"0+10{HOUR}"), None),
    ("StepsSkipped", skipped(f"0+1{HOUR}"), OF_RUN),
    ("StepsSkipped", skipped(f"3{HOUR}"), None),
    ("DiskNearlyFull", loop("disk_free_bytes", f"5{HOUR}") | loop("disk_bytes", f"100{HOUR}"), OF_RUN),
    ("DiskNearlyFull", loop("disk_free_bytes", f"20{HOUR}") | loop("disk_bytes", f"100{HOUR}"), None),
    ("DiskNearlyFull", loop("disk_free_bytes", f"0{HOUR}") | loop("disk_bytes", f"0{HOUR}"), None),
    ("NodeDiskNearlyFull", disk(3, 97), OF_MACHINE),
    ("NodeDiskNearlyFull", disk(10, 90), None),
    ("ServingFails", requests(_429=1, _200=9), None),
]
FAILING_SERVER = ("ServingFails", requests(_500=1, _200=9), {})
"""In a test of its own: the alert has no label that tells cases apart."""


def played(cases: list[tuple[str, Series, dict[str, str] | None]]) -> dict[str, Any]:
    """A test in promtool's format: the series of all cases, and for each alert the cases in which it fires."""
    series, firing = {}, {rule["alert"]: [] for rule in RULES}
    for number, (name, of_case, labels) in enumerate(cases):
        alert = f"Automathes{name}"
        series |= {one.replace(RUN, f"case-{number}"): values for one, values in of_case.items()}
        if labels is not None:
            own = {key: value.replace(RUN, f"case-{number}") for key, value in labels.items()}
            severity = next(rule["labels"] for rule in RULES if rule["alert"] == alert)
            firing[alert].append({"exp_labels": severity | own})
    return {
        "interval": "1m",
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "alert_rule_test": [
            {"eval_time": "1h", "alertname": alert, "exp_alerts": expected} for alert, expected in firing.items()
        ],
    }


@needs_prometheus
def test_alerts_fire_when_they_must_and_are_quiet_when_they_must_not(tmp_path: Path) -> None:
    rules = yaml.safe_load((FILES / ALERTS).read_text())
    for rule in rules["groups"][0]["rules"]:
        del rule["annotations"]  # texts with values would have to be repeated in each case
    (tmp_path / "alerts.yaml").write_text(yaml.safe_dump(rules))
    file = tmp_path / "cases.yaml"
    file.write_text(
        yaml.safe_dump(
            {
                "rule_files": ["alerts.yaml"],
                "evaluation_interval": "1m",
                "tests": [played(CASES), played([FAILING_SERVER])],
            }
        )
    )

    promtool("test", "rules", file)


def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_quiet() -> None:
    names = {rule["alert"].removeprefix("Automathes") for rule in RULES}
    assert {name for name, _, labels in [*CASES, FAILING_SERVER] if labels is not None} == names
    assert {name for name, _, labels in CASES if labels is None} == names


@needs_prometheus
def test_prometheus_reads_the_texts_of_the_alerts() -> None:
    assert f"{len(RULES)} rules found" in promtool("check", "rules", FILES / ALERTS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_is_about_metrics_that_the_product_has(rule: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    known = declared(monkeypatch) | SERVING
    for name, chosen_by in named(rule["expr"]):
        assert name in known or name in RAYS or name == "up", name
        assert chosen_by <= known.get(name, set()) | OF_RAY


def test_the_guide_says_what_to_do_about_each_alert() -> None:
    listed = {
        row[0].strip("`") for row in rows_of(REPOSITORY / "docs/monitoring.md") if re.match("`Automathes", row[0])
    }
    assert listed == {rule["alert"] for rule in RULES}
