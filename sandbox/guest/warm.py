"""Imports what sessions use and exercises it once, so that first-call work (lazy imports, caches) precedes the fork."""

import importlib
import sys
from collections.abc import Callable
from typing import Any

STANDARD = ("math", "cmath", "fractions", "decimal", "itertools", "functools", "collections", "statistics", "random")


def warm_up(modules: list[str]) -> None:
    """Import the usual standard modules and `modules`, and exercise those that have a routine here.

    Raises ImportError if a module is missing.
    """
    # Mathematics prints large integers. The limit protects servers from quadratic time; a block has its own limits.
    sys.set_int_max_str_digits(0)
    for name in (*STANDARD, *modules):
        importlib.import_module(name)
        if name in ROUTINES:
            ROUTINES[name]()


def _sympy() -> None:
    import sympy  # type: ignore[import-untyped]

    x, y = sympy.symbols("x y")
    sympy.expand((x + y) ** 3)
    sympy.factor(x**2 - y**2)
    sympy.simplify(sympy.sin(x) ** 2 + sympy.cos(x) ** 2)
    sympy.solve(x**2 - 3 * x + 1, x)
    sympy.solve([x + y - 3, x - y - 1], [x, y])
    sympy.integrate(x * sympy.exp(x), x)
    sympy.diff(sympy.log(x) / x, x)
    sympy.limit(sympy.sin(x) / x, x, 0)
    sympy.summation(x, (x, 1, y))
    sympy.Matrix([[1, x], [y, 2]]).inv()
    sympy.nsimplify(0.75)
    repr(sympy.sqrt(x).evalf(20) + sympy.Rational(1, 3))
    _sympy_further(x, y, sympy.symbols("n", integer=True, positive=True))


def _sympy_further(x: Any, y: Any, n: Any) -> None:
    """Topics of competition problems: number theory, equations of higher degree, trigonometry, geometry, sums."""
    import sympy

    repr(sympy.factorint(360)), sympy.nextprime(100), sympy.divisors(84), sympy.totient(36), sympy.igcd(12, 18)
    sympy.mod_inverse(3, 11)
    sympy.binomial(10, 3), sympy.factorial(6), sympy.fibonacci(12), sympy.gcd(x**2 - 1, x - 1)
    sympy.solve(x**3 - 2 * x**2 - 5 * x + 6, x)
    sympy.solve(sympy.Eq(2**x, 8), x)
    sympy.solveset(sympy.Abs(x - 2) - 3, x, sympy.S.Reals)
    sympy.solve_univariate_inequality(x**2 - 4 < 0, x)
    sympy.Poly(x**4 - 5 * x**2 + 4, x).all_roots()
    sympy.apart(1 / (x * (x + 1)), x), sympy.together(1 / x + 1 / y), sympy.cancel((x**2 - 1) / (x - 1))
    sympy.trigsimp(2 * sympy.sin(x) * sympy.cos(x)), sympy.expand_trig(sympy.sin(2 * x))
    sympy.radsimp(1 / (1 + sympy.sqrt(2))), sympy.sqrtdenest(sympy.sqrt(3 + 2 * sympy.sqrt(2)))
    sympy.summation(1 / (n * (n + 1)), (n, 1, sympy.oo))
    sympy.integrate(sympy.sin(x) ** 2, (x, 0, sympy.pi))
    sympy.series(sympy.exp(x), x, 0, 4)
    sympy.Matrix([[2, 1], [1, 2]]).eigenvals(), sympy.Matrix([[1, 2], [3, 4]]).det()
    repr(sympy.Triangle(sympy.Point(0, 0), sympy.Point(3, 0), sympy.Point(0, 4)).area)
    sympy.latex(sympy.Rational(3, 4) * sympy.pi), sympy.sympify("x**2 + 1/2"), sympy.N(sympy.pi, 10)
    sympy.lambdify(x, x**2)(3)


def _numpy() -> None:
    import numpy

    matrix = numpy.array([[2.0, 1.0], [1.0, 3.0]])
    numpy.linalg.solve(matrix, numpy.linalg.eigvalsh(matrix))
    numpy.random.default_rng(0).normal(size=2) + numpy.random.rand(2)
    numpy.polynomial.Polynomial([1, 2]).roots()
    repr(numpy.fft.fft(numpy.arange(4)))


def _mpmath() -> None:
    import mpmath  # type: ignore[import-untyped]

    repr(mpmath.quad(mpmath.exp, [0, 1]) + mpmath.findroot(mpmath.cos, 1.5) + mpmath.zeta(3))


# None for scipy: its submodules (scipy.optimize: 0.3 s) add more than a millisecond to every fork, since each maps a
# shared library. Where they are used often, name them in the setting `preload`.
ROUTINES: dict[str, Callable[[], None]] = {"sympy": _sympy, "numpy": _numpy, "mpmath": _mpmath}
