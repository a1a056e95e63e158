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


ROUTINES: dict[str, Callable[[], None]] = {"sympy": _sympy}
