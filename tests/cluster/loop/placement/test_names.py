"""Names of actors: each once."""

from cluster.loop.placement.names import ActorNames


def test_a_name_says_run_and_role_and_is_given_once() -> None:
    names = ActorNames("demo-1")

    given = [names.options(role)["name"] for role in ("sampler-3", "learner-rank-0", "sampler-3", "sampler-3")]

    assert given == [
        "automathes/demo-1/sampler-3",
        "automathes/demo-1/learner-rank-0",
        "automathes/demo-1/sampler-3.2",
        "automathes/demo-1/sampler-3.3",
    ]


def test_two_groups_of_runs_with_the_same_name_share_no_namespace() -> None:
    first, second = (ActorNames("demo-1").options("sampler-1") for _ in range(2))

    assert first["name"] == second["name"]
    assert first["namespace"] != second["namespace"]
