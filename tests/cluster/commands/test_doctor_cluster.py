"""What the doctor makes of the findings on the hosts of a cluster."""

import json
from pathlib import Path

import pytest

from cluster.commands.doctor import cluster as doctor
from cluster.commands.doctor.cluster import collect
from cluster.config.hosts.host import Cluster, Host
from cluster.config.loading import load_config
from cluster.config.placement import place_in
from cluster.config.plan import plan_run
from sandbox.host import Finding, Level

HOSTS = [Host("head", 4), Host("gpu-1", 64, None, 8), Host("gpu-2", 64, None, 8)]
FINE, POOR = Finding("python", Level.OK, "3.12"), Finding("memory", Level.FAIL, "1 GiB available", "Close programs.")


def test_problems_are_listed_by_host_and_a_host_without_any_has_a_line() -> None:
    found = collect(HOSTS, {"head": [FINE, FINE], "gpu-1": [FINE, POOR], "gpu-2": [POOR]})

    assert [(finding.name, finding.level) for finding in found] == [
        ("head", Level.OK),
        ("gpu-1: memory", Level.FAIL),
        ("gpu-2: memory", Level.FAIL),
    ]
    assert found[0].what == "all 2 checks passed"


def test_a_host_that_does_not_answer_is_a_failure_with_a_remedy() -> None:
    found = collect(HOSTS, {"head": [FINE], "gpu-1": [FINE]})

    assert found[2].name == "gpu-2"
    assert found[2].level is Level.FAIL
    assert found[2].remedy


@pytest.mark.parametrize("as_json", [False, True])
def test_the_place_of_everything_is_printed_and_what_does_not_fit(
    as_json: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, cluster = load_config("7b", None, ["sampler.num_samplers=13"]), Cluster(tuple(HOSTS))
    plan = plan_run(place_in(config, cluster), tmp_path, cluster=cluster)
    findings = collect(HOSTS, {host.name: [FINE] for host in HOSTS})

    if as_json:
        print(json.dumps(doctor._record(cluster, findings, plan, failed=True)))
        record = json.loads(capsys.readouterr().out)
        assert record["learner_ranks"] == ["gpu-1"] * 4
        assert record["samplers"].count("gpu-2") == 8
        assert record["samplers"].count(None) == 1
        assert any("13 samplers need 1 GPU" in text for text in record["shortfalls"])
    else:
        doctor._print(cluster, findings, plan, failed=True)
        printed = capsys.readouterr().out
        assert "no host has room" in printed
        assert "The run does not fit:" in printed
