"""Imports what sessions use and calls it once, so that a fork finds first-call work (lazy imports, caches) done."""

import importlib
from collections.abc import Callable

STANDARD = ("math", "cmath", "fractions", "decimal", "itertools", "functools", "collections", "statistics", "random")


def warm_up(modules: list[str]) -> None:
    """Import the usual standard modules and `modules`, and exercise those that have a routine here.

    Raises ImportError if one is missing.
    """
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
    sympy.factorint(360)
    repr(sympy.sqrt(x).evalf(20) + sympy.Rational(1, 3))


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


# None for scipy: its submodules (scipy.optimize: 0.3 s) make every fork dearer by more than a millisecond, since each
# brings a shared library to map. Where they are used much, name them in the setting `preload`.
ROUTINES: dict[str, Callable[[], None]] = {"sympy": _sympy, "numpy": _numpy, "mpmath": _mpmath}
