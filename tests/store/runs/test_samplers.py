"""What samplers report of themselves."""

from concurrent.futures import ThreadPoolExecutor

from store.runs.samplers import SamplerState, SamplerStatus


def test_a_sampler_is_registered_once_per_process(store, clock):
    started_at = clock.now_s
    assert store.samplers.register("sampler-1", "node-a") == 1
    assert store.samplers.all() == [
        SamplerStatus("sampler-1", SamplerState.STARTING, None, None, "node-a", 1, started_at, started_at, started_at)
    ]
    store.samplers.report("sampler-1", SamplerState.SAMPLING, 3, "detail", progressed=True)
    clock.now_s += 5
    assert store.samplers.register("sampler-1", "node-b") == 2
    assert store.samplers.all() == [
        SamplerStatus("sampler-1", SamplerState.STARTING, None, None, "node-b", 2, *[clock.now_s] * 3)
    ]


def test_processes_of_one_name_that_start_at_once_are_counted_each(store):
    with ThreadPoolExecutor(6) as threads:
        starts = list(threads.map(lambda _: store.samplers.register("sampler-1", "host"), range(6)))
    assert sorted(starts) == [1, 2, 3, 4, 5, 6]
    assert [status.starts for status in store.samplers.all()] == [6]


def test_a_sign_of_life_is_no_sign_of_progress(store, clock):
    store.samplers.register("sampler-1", "host")
    store.samplers.report("sampler-1", SamplerState.SAMPLING, 1, progressed=True)
    began_at = clock.now_s
    clock.now_s += 5
    store.samplers.report("sampler-1", SamplerState.SAMPLING, 1, progressed=False)
    (status,) = store.samplers.all()
    assert (status.since, status.reported_at, status.progress_at) == (began_at, clock.now_s, began_at)
    clock.now_s += 5
    store.samplers.report("sampler-1", SamplerState.SAMPLING, 1, progressed=True)
    (status,) = store.samplers.all()
    assert (status.since, status.progress_at) == (began_at, clock.now_s)


def test_a_change_of_state_is_progress_and_is_dated(store, clock):
    store.samplers.register("sampler-1", "host")
    clock.now_s += 5
    store.samplers.report("sampler-1", SamplerState.LOADING, 1, "policy 2", progressed=False)
    (status,) = store.samplers.all()
    assert (status.state, status.detail, status.policy_version) == (SamplerState.LOADING, "policy 2", 1)
    assert status.since == status.progress_at == clock.now_s
    store.samplers.report("sampler-1", SamplerState.SAMPLING, 2, progressed=False)
    (status,) = store.samplers.all()
    assert (status.detail, status.policy_version) == (None, 2)


def test_a_sampler_that_was_removed_does_not_come_back_by_a_late_report(store):
    store.samplers.register("sampler-1", "host")
    store.samplers.remove("sampler-1")
    store.samplers.report("sampler-1", SamplerState.SAMPLING, 1, progressed=True)
    assert store.samplers.all() == []
    assert store.samplers.register("sampler-1", "host") == 1


def test_samplers_are_listed_by_their_numbers(store):
    for number in (10, 2, 1):
        store.samplers.register(f"sampler-{number}", "host")
    assert [status.name for status in store.samplers.all()] == ["sampler-1", "sampler-2", "sampler-10"]
