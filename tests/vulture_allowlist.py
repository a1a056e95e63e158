"""Names that vulture takes for unused and that are used all the same. It only reads this file; nothing runs it."""

from typing import Any

it: Any = None


def used_by(user: str, *names: object) -> None:
    """`user` says what uses the names."""


used_by(
    "cluster.cli, which names handlers as module:function",
    it.annotate,
    it.augment,
    it.api,
    it.audit_labels,
    it.bench,
    it.control,
    it.doctor,
    it.doctor_cluster,
    it.evaluate,
    it.export,
    it.export_reviews,
    it.import_problems,
    it.import_reviews,
    it.list_policies,
    it.list_problems,
    it.monitor,
    it.promote,
    it.prune,
    it.report,
    it.reproduce,
    it.review,
    it.review_collected,
    it.roll_back,
    it.run,
    it.score,
    it.serve,
    it.serve_reviews,
    it.show_policy,
    it.show_problem,
    it.status,
    it.train,
)
used_by("argparse, by name", it.dest)
used_by("store.runs.scheduling, in SQL", it.last_iteration, it.stale_accepted, it.stale_judged)
used_by("sandbox.jail.config, in the jail's command line", it.main)
used_by(
    "RLlib's Algorithm and AlgorithmConfig",
    it.broadcast_env_runner_states,
    it.build_learner_group,
    it.get_default_config,
    it.get_multi_rl_module_spec,
    it.merge_env_runner_states,
    it.restore_env_runners,
    it.training_step,
)
used_by("RLlib's EnvRunnerGroup", it.assert_healthy, it.get_metrics, it.get_spaces, it.get_state, it.set_state)
used_by(
    "RLlib's Learner and LearnerGroup",
    it._is_built,
    it._is_shut_down,
    it.compute_loss_for_module,
    it.foreach_learner,
    it.get_checkpointable_components,
    it.is_remote,
)
used_by("DeepSpeed, which saves through it", it.checkpoint_engine, it.makedirs, it._copy_recovery_script)
used_by("the learner's gang, by name", it.begin_training, it.direct)
used_by(
    "vLLM, by name",
    it.Process,
    it.AsyncTurnScheduler,
    it.TurnScheduler,
    it.WeightReloading,
    it.batched_count_greater_than,
    it.compute_hash,
    it.make_stats,
    it.omit_ranks,
    it.reload_policy,
    it.update_scheduler_stats,
)
used_by("transformers, while it exists", it._zero3_marker)
used_by("fsspec's callbacks", it.relative_update)
used_by("tempfile", it.tempdir)
used_by("tokenizers", it.decoder, it.pre_tokenizer)
used_by("callers of the tokenizer's protocol", it.add_special_tokens, it.skip_special_tokens, it.split_special_tokens)
used_by("rich", it.caption_justify, it.show_header)
used_by(
    "dataclasses.asdict",
    it.disk_bytes,
    it.disk_free_bytes,
    it.final_loss,
    it.first_loss,
    it.missing_rollouts,
    it.recipe,
    it.samplers_working,
    it.seen_seconds,
    it.skipped_steps,
)
used_by("cluster.loop.tracking.serving, by name", it.open_tracker)
used_by("the interpreter", it.__stderr__, it.__stdin__, it.__stdout__, it.trace)
used_by(
    "nsjail's configuration",
    it.cgroup_mem_mount,
    it.cgroup_mem_parent,
    it.cgroup_pids_mount,
    it.cgroup_pids_parent,
    it.cgroupv2_mount,
    it.rlimit_as_type,
    it.rlimit_cpu_type,
    it.rlimit_nproc_type,
    it.use_cgroupv2,
)
used_by("SQLAlchemy", it.against, it.inherit_cache, it.self_group, it.type_annotation_map)
used_by(
    "the database: columns that are written, and read by people",
    it.cached_tokens,
    it.created_at,
    it.duplicates,
    it.fingerprint,
    it.first_policy_version,
    it.from_rollout_seq,
    it.imported_at,
    it.new_outcome,
    it.old_outcome,
    it.problems_key,
    it.promoted_at,
)
used_by("Jinja, and its templates", it.conflicts, it.globals, it.is_undone)
used_by("anyio", it.total_tokens)
used_by("programs on top of the store", it.finished, it.policies_trained_on, it.trained_on)
used_by("json", it._default_decoder)
used_by("tests, which look into a jail", it.current, it.parent_pid)
used_by("tests, which describe a machine in full", it.cpus, it.free_bytes)
used_by("Serve, by the import path in cluster/ray/kubernetes/rayservice.yaml", it.application)
used_by("Serve, by the import path in the environment of its proxy", it.middlewares)
used_by("http.server", it.daemon_threads, it.do_POST, it.log_message, it.protocol_version)
