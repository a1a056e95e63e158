"""Imports: exclusions, withdrawals, and writes of other processes during an import."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from store.database.tables import HeldOutTemplateRow
from store.errors import InvalidProblemError
from store.problems.similarity import NEAR, bands, shingles, similarity
from store.problems.sources import import_problems
from store.problems.sources.rows.splitting import question_key
from store.records import ExclusionKind, ImportReport, Policy, Problem, Split
from store.settings import JsonlSettings

DATA = Path(__file__).parents[4] / "shared/data"
ROUND = "A farmer has {n} round hay bales and sells a third of them to his neighbour. How many are left in the barn?"


def problem(name: str, question: str, split: Split = Split.TRAIN, source: str = "mine") -> Problem:
    return Problem(name, question, "1", source, split, question_key(question))


def test_a_problem_that_is_similar_to_a_held_out_one_is_excluded_and_listed(store):
    heldout = problem("h", ROUND.format(n=21), Split.HELDOUT)
    near = problem("near", ROUND.format(n=21).replace("How many", "How many bales"))
    far = problem("far", "A baker has 24 round loaves and bakes a dozen more each hour. How many are there at noon?")
    assert store.problems.import_new([near, far, heldout], "files") == ImportReport(3, 1, 1, 0, 1)
    (left_out,) = store.problems.exclusions()
    assert (left_out.question, left_out.heldout_id) == (near.question, "h")
    assert NEAR <= left_out.similarity < 1
    assert {p.id for p in store.problems.iterate()} == {"h", "far"}


def test_a_problem_that_is_held_out_already_is_excluded_with_similarity_1(store):
    store.problems.add([problem("h", ROUND.format(n=21), Split.HELDOUT)])
    assert store.problems.import_new([problem("t", ROUND.format(n=21))]).left_out == 1
    assert [found.similarity for found in store.problems.exclusions()] == [1.0]


def test_importing_again_changes_nothing(store):
    problems = [
        problem("h", ROUND.format(n=21), Split.HELDOUT),
        problem("near", ROUND.format(n=24)),
        problem("far", "What is the square root of the number of seconds in an hour?"),
    ]
    store.problems.import_new(problems)
    listed, left_out = list(store.problems.iterate()), list(store.problems.exclusions())
    assert store.problems.import_new(problems) == ImportReport(3, 0, 0, 2, 1)
    assert (list(store.problems.iterate()), list(store.problems.exclusions())) == (listed, left_out)


def test_a_held_out_problem_that_comes_later_withdraws_similar_ones(store):
    near = problem("near", ROUND.format(n=21).replace("How many", "How many bales"))
    far = problem("far", "A baker has 24 round loaves and bakes a dozen more each hour. How many are there at noon?")
    store.problems.add([near, far])
    report = store.problems.import_new([problem("h", ROUND.format(n=21), Split.HELDOUT)])
    assert report == ImportReport(1, 0, 1, 0, 0, withdrawn=1)
    assert {p.id: p.split for p in store.problems.iterate()} == {
        "h": Split.HELDOUT, "near": Split.EXCLUDED, "far": Split.TRAIN
    }  # fmt: skip
    assert [(one.question, one.heldout_id) for one in store.problems.exclusions()] == [(near.question, "h")]
    assert store.problems.import_new([near]) == ImportReport(1, 0, 0, 1, 0)


def test_a_training_problem_that_is_imported_as_held_out_is_held_out_from_then_on(store):
    store.problems.add([problem("t", ROUND.format(n=21))])
    report = store.problems.import_new([problem("h", ROUND.format(n=21), Split.HELDOUT)])
    assert report == ImportReport(1, 0, 0, 1, 0, withdrawn=1)
    assert [(p.id, p.split) for p in store.problems.iterate()] == [("t", Split.HELDOUT)]
    assert store.problems.import_new([problem("u", ROUND.format(n=22).replace("22", "21 big"))]).left_out == 1


def test_no_training_set_contains_withdrawn_problems_and_those_trained_on_are_counted(store, make):
    store.problems.add([problem("near", ROUND.format(n=21)), problem("far", "How many minutes are there in 3 days?")])
    store.rollouts.add([make.demonstration("demo-1", "near", "7"), make.demonstration("demo-2", "far", "4320")])
    store.policies.add(Policy(1, None, "policies/1", training_set_id=store.training_sets.select(1)))
    report = store.problems.import_new([problem("h", ROUND.format(n=22), Split.HELDOUT)])
    assert (report.withdrawn, report.learned) == (1, 1)
    samples = store.training_sets.samples(store.training_sets.select(2))
    assert {sample.problem_id for sample in samples} == {"far"}
    assert len(store.training_sets.trained_on(1)) == 2


def test_generated_problems_are_not_withdrawn_for_one_another(store):
    one, two = (f"Find the greatest common divisor of these two whole numbers: 48, {n}" for n in (36, 30))
    store.problems.add([problem("t", two, source="reasoning_gym/gcd"), problem("f", two + " and 6", source="a file")])
    report = store.problems.import_new([problem("h", one, Split.HELDOUT, "reasoning_gym/gcd")])
    assert report.withdrawn == 1
    assert store.problems.get("t").split is Split.TRAIN


COPY = ROUND.replace("round", "square").format(n=35)
HELDOUT_COPY = ROUND.replace("round", "square").format(n=62)
TWIN_OF = "Maria buys 12 packs of 6 pens at the market and gives 5 pens to Tom. How many pens does Maria have now?"
TWIN = "Ahmed buys 31 packs of 4 pens at the market and gives 9 pens to Lena. How many pens does Ahmed have now?"


def test_a_copy_with_other_numbers_and_names_is_excluded_as_a_template_twin(store):
    report = store.problems.import_new([problem("t", TWIN), problem("h", TWIN_OF, Split.HELDOUT)])
    assert (report.train, report.left_out, report.twins) == (0, 1, 1)
    (excluded,) = store.problems.exclusions()
    assert (excluded.question, excluded.heldout_id, excluded.kind) == (TWIN, "h", ExclusionKind.TEMPLATE_TWIN)
    assert similarity(shingles(TWIN), shingles(TWIN_OF)) < NEAR


def test_a_held_out_problem_that_comes_later_withdraws_its_template_twins(store):
    store.problems.add([problem("t", TWIN), problem("far", "How many minutes are there in the 3 days of May?")])
    report = store.problems.import_new([problem("h", TWIN_OF, Split.HELDOUT)])
    assert (report.withdrawn, report.withdrawn_twins) == (1, 1)
    assert store.problems.get("t").split is Split.EXCLUDED
    assert [found.kind for found in store.problems.exclusions()] == [ExclusionKind.TEMPLATE_TWIN]


@pytest.mark.parametrize("allowing", ["t", "h"])
def test_template_twins_are_trained_on_if_the_source_of_either_says_so(store, allowing):
    both = [problem("t", TWIN), problem("h", TWIN_OF, Split.HELDOUT)]
    both = [replace(one, template_twins="train") if one.id == allowing else one for one in both]
    assert store.problems.import_new(both).train == 1
    assert store.problems.import_new(both[1:]).withdrawn == 0
    later = problem("later", TWIN_OF.replace("12", "14"), Split.HELDOUT)
    assert store.problems.import_new([replace(later, template_twins=both[1].template_twins)]).withdrawn == 0


def test_generated_problems_are_no_template_twins_of_anything(store):
    generated = [replace(one, source="reasoning_gym/pens") for one in (problem("t", TWIN), problem("u", COPY))]
    heldout = [problem("h", TWIN_OF, Split.HELDOUT), replace(problem("g", HELDOUT_COPY, Split.HELDOUT), source="x")]
    assert store.problems.import_new([*generated, heldout[0]]).twins == 0
    assert store.problems.import_new(heldout[1:]).withdrawn_twins == 0


def test_a_template_of_many_held_out_problems_is_indexed_once(store):
    many = [problem(f"h{n}", TWIN_OF.replace("12", f"{n}"), Split.HELDOUT) for n in range(20, 60)]
    store.problems.add(many)
    with store.problems._read() as session:
        rows = session.query(HeldOutTemplateRow).count()
    assert rows < 2 * len(many)
    assert store.problems.import_new([problem("t", TWIN)]).twins == 1


def test_nothing_is_imported_as_excluded(store):
    with pytest.raises(InvalidProblemError, match="excluded"):
        store.problems.import_new([problem("e", ROUND.format(n=21), Split.EXCLUDED)])
    with pytest.raises(ValueError, match="split"):
        JsonlSettings(path="problems.jsonl", split="excluded")


def test_generated_problems_differ_by_their_numbers(store):
    one, two = (f"Find the greatest common divisor of these two whole numbers: 48, {n}" for n in (36, 30))
    generated = [problem("h", one, Split.HELDOUT, "reasoning_gym/gcd"), problem("t", two, source="reasoning_gym/gcd")]
    assert store.problems.import_new(generated).added == 2
    assert store.problems.import_new([problem("f", two.replace("30", "24"), source="a file")]).left_out == 1


def test_short_questions_are_similar_only_if_they_are_equal(store):
    heldout = [problem("h", "What is 3 + 4?", Split.HELDOUT)]
    assert (
        store.problems.import_new([*heldout, problem("a", "What is 3 * 4?"), problem("b", "What is 3 + 5?")]).added == 3
    )
    assert store.problems.import_new([problem("c", "What is $3+4$?")]).left_out == 1


def test_other_processes_can_write_while_a_source_is_read(store, make):
    def slow():
        yield make.problem(1)
        assert store.problems.add([make.problem(2)]) == 1  # another transaction, in the middle of this import
        yield make.problem(3)

    assert store.problems.import_new(slow()).added == 2


def rows(path: str) -> list[dict[str, str]]:
    if not (DATA / path).exists():
        pytest.skip(f"{path} is not among the data beside the project")
    return [json.loads(line) for line in (DATA / path).read_text().splitlines()]


def test_known_overlaps_of_training_and_test_sets_are_found_by_their_bands():
    pairs = [pair for pair in rows("overlap/train_vs_test.jsonl") if "train_question" in pair]
    found = 0
    for pair in pairs:
        one, other = shingles(pair["question"]), shingles(pair["train_question"])
        found += similarity(one, other) >= NEAR and not set(bands(one)).isdisjoint(bands(other))
    assert found >= 0.95 * len(pairs)


def test_the_sides_of_gsm8k_share_nothing_but_a_few_templates(tmp_path):
    from store.store import Store

    rows("gsm8k/test.jsonl")
    files = {Split.HELDOUT: "gsm8k/test.jsonl", Split.TRAIN: "gsm8k/train.jsonl"}
    sources = [JsonlSettings(path=str(DATA / path), split=split) for split, path in files.items()]
    with Store.open(f"sqlite:///{tmp_path}/s.db") as store:
        report = import_problems(store.problems, sources)
    assert (report.heldout, report.train, report.left_out, report.twins) == (1319, 7473 - report.twins, report.twins, 4)


def test_a_preview_foretells_an_import_and_stores_nothing(store, make):
    heldout = make.problem(0, split=Split.HELDOUT)
    store.problems.import_new([heldout])
    new = [make.problem(1), make.problem(2, split=Split.HELDOUT), replace(heldout, split=Split.TRAIN), make.problem(3)]
    preview = store.problems.preview(new, size=3)
    assert [(one.problem.id, one.split, one.known) for one in preview.first] == [
        ("p1", Split.TRAIN, False),
        ("p2", Split.HELDOUT, False),
        ("p0", Split.HELDOUT, True),
    ]
    assert store.problems.counts() == {"train": 0, "heldout": 1, "excluded": 0}
    assert store.problems.exclusion_count() == 0
    assert store.problems.import_new(new) == preview.report
