import ast
import sysconfig
from pathlib import Path

import pytest

from store.records import Segment, SegmentKind
from store.solutions.normal_form import MAX_PARSED_CHARS, normalised_code
from store.solutions.solution import Solution, operators


def solution(*code: str, answer: str = "1") -> Solution:
    return Solution([Segment(SegmentKind.CODE, block) for block in code], answer)


def prose(*words: str) -> Solution:
    return Solution([Segment(SegmentKind.TEXT, part) for part in words], "1")


def are_same(one: Solution, other: Solution) -> bool:
    """Whether they are equal; checks symmetry, and that equal solutions have equal sketches."""
    assert (one == other) == (other == one)
    assert one != other or one.sketch == other.sketch
    return one == other


@pytest.mark.parametrize(
    "other",
    [
        "total = 3 * 7\nprint(total)",
        "x=3*7 # multiply, do not add + 1\n\n\nprint( x )",
        "x = (3 * 7)\nprint(x)",
        "x = \\\n 3 * 7; print(x)",
        "x = 3 * 7\r\nprint(x)  # 2 - 1\r\n",
        "x = 0x3 * 0b111\nprint(x,)",
    ],
)
def test_names_comments_and_layout_do_not_change_a_solution(other):
    assert are_same(solution(other), solution("x = 3 * 7\nprint(x)"))


@pytest.mark.parametrize(
    "other",
    [
        "x = 7 * 3\nprint(x)",
        "x = 3 * 8\nprint(x)",
        "x = 3 * 7\nprint(-x)",
        "y = x = 3 * 7\nprint(x)",
        "print(3 * 7)",
        "x = 3 * 7\nprint('x')",
    ],
)
def test_a_different_program_is_a_different_solution(other):
    assert not are_same(solution(other), solution("x = 3 * 7\nprint(x)"))


def test_a_different_answer_is_a_different_solution():
    assert are_same(solution("print(1)", answer="1"), solution("print(1)", answer=" 1 "))
    assert not are_same(solution("print(1)", answer="1"), solution("print(1)", answer="2"))


def test_names_of_functions_arguments_and_imports_are_local_too():
    one = "import sympy as s\ndef f(a, b=1):\n    return s.gcd(a, b)\nprint(f(4, 6))"
    two = "import sympy as sp\ndef g(m, n=1):\n    return sp.gcd(m, n)\nprint(g(4, 6))"
    assert are_same(solution(one), solution(two))
    assert not are_same(solution(one), solution(two.replace("gcd", "lcm")))


def test_what_is_imported_and_builtin_keeps_its_name():
    assert normalised_code("print(max(1, 2))") != normalised_code("print(min(1, 2))")
    assert normalised_code("from math import gcd") != normalised_code("from math import lcm")


def test_names_are_shared_by_the_blocks_of_a_solution():
    assert are_same(solution("a = 1", "print(a)"), solution("b = 1", "print(b)"))
    assert not are_same(solution("a = 1\nb = 2", "print(a)"), solution("a = 1\nb = 2", "print(b)"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("if a: pass\nelif b > 1: pass", "if a:\n    pass\nelse:\n    if b > 1: pass"),
        ("f(x=1, *a)", "f(*a, x=1)"),
        ("a, b = 1e-3, 2", "(a, b) = (0.001, 2)"),
        ("s = 'a+b' '-'", 's = """a+b-"""'),
        ("""print(f"{d['a+b']}")""", """print(f"{d["a+b"]}")"""),
        ("""print(f"{ {1 - 2: 3}['k'] }")""", """print(f'''{ {1-2: 3}["k"] }''')"""),
        ("match x:\n    case (1, *y): pass", "match x:\n    case [1, *y]: pass"),
        ("x = y[1:]", "x = y[1::]"),
        ("assert a<1 and (not b)", "assert a < 1 and not b"),
    ],
)
def test_the_sketch_is_the_same_however_a_program_is_written(one, other):
    assert are_same(solution(one), solution(other))


def test_the_sketches_of_the_standard_library_survive_unparsing():
    library = Path(sysconfig.get_paths()["stdlib"])
    sources = [file.read_text() for file in sorted(library.glob("*.py"))]
    some = [source for source in sources if len(source) < MAX_PARSED_CHARS]
    assert len(some) > 80
    for source in some:
        assert operators(ast.unparse(ast.parse(source))) == operators(source)


@pytest.mark.parametrize(
    "wild",
    [
        "def broken(:",
        "x = (" * 5000,
        "-" * 15000 + "1",
        "a" * 100_000,
        "x = '\0'",
        "'\\" * 9000,
        "\ud800 = 1",
        "1" * 5000,
    ],
)
def test_code_that_does_not_parse_is_compared_as_text(wild):
    assert are_same(solution(wild), solution(f"\n\n{wild}  \n"))
    assert not are_same(solution(wild), solution(f"{wild} + 1"))


def test_a_solution_without_code_is_compared_by_its_prose():
    assert are_same(prose("so  it is\n1"), prose("so it", "is 1"))
    assert not are_same(prose("so it is 1"), prose("so it is 2"))
    assert not are_same(prose("print(1)"), solution("print(1)"))


def test_most_different_solutions_have_different_sketches():
    assert len({solution(code).sketch for code in ("a = 1 + 2", "a = 1 - 2", "a = 1 + 2 + 3", "a = 1\na += 2")}) == 4
