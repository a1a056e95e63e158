"""Blocks such as a model writes for competition problems. Each is self-contained and prints its answer."""

ALGEBRA = (
    "from sympy import *\nx = symbols('x')\nprint(solve(x**2 - 5*x + 6, x))",
    "from sympy import *\nx = symbols('x')\nprint(solve(x**3 - 6*x**2 + 11*x - 6, x))",
    "from sympy import *\nx, y = symbols('x y')\nprint(solve([2*x + 3*y - 7, x - y - 1], [x, y]))",
    "from sympy import *\nx, y = symbols('x y')\nprint(solve([x + y - 5, x*y - 6], [x, y]))",
    "from sympy import *\nx = symbols('x')\nprint(factor(x**4 - 5*x**2 + 4))",
    "from sympy import *\nx, y = symbols('x y')\nprint(expand((x + 2*y)**5))",
    "from sympy import *\nx = symbols('x')\nprint(apart((3*x + 5)/(x**2 - 1), x))",
    "from sympy import *\nx = symbols('x')\nprint(together(1/x + 1/(x + 1) + 1/(x + 2)))",
    "from sympy import *\nx = symbols('x')\nprint(cancel((x**3 - 1)/(x**2 - 1)))",
    "from sympy import *\nx = symbols('x')\nprint(Poly(x**4 + 3*x**2 + 2, x).all_coeffs())",
    "from sympy import *\nx = symbols('x')\nprint(discriminant(2*x**2 + 3*x - 7, x))",
    "from sympy import *\nx = symbols('x')\nprint(div(x**4 + 2*x + 1, x**2 + 1, x))",
    "from sympy import *\nx = symbols('x')\nprint(gcd(x**3 - x, x**2 - 1), lcm(x**2 - 1, x - 1))",
    "from sympy import *\nx = symbols('x', real=True)\nprint(solve(abs(x - 3) - 5, x))",
    "from sympy import *\nx = symbols('x')\nprint(solveset(x**2 < 9, x, S.Reals))",
    "from sympy import *\nx = symbols('x')\nprint(reduce_inequalities([x**2 - 4 > 0, x < 5], x))",
    "from sympy import *\nx = symbols('x', positive=True)\nprint(solve(log(x, 2) + log(x, 4) - 3, x))",
    "from sympy import *\nx = symbols('x')\nprint(real_roots(x**5 - x - 1)[0].evalf(15))",
    "from sympy import *\nprint(nsimplify('0.142857142857', rational=True), sqrtdenest(sqrt(5 + 2*sqrt(6))))",
    "from sympy import *\nx = symbols('x')\nprint(minimal_polynomial(sqrt(2) + sqrt(3), x))",
)

CALCULUS = (
    "from sympy import *\nx = symbols('x')\nprint(diff(x**3*sin(x), x))",
    "from sympy import *\nx = symbols('x')\nprint(diff(exp(x**2)/x, x, 2))",
    "from sympy import *\nx, y = symbols('x y')\nprint([diff(x**2*y + y**3, v) for v in (x, y)])",
    "from sympy import *\nx = symbols('x')\nprint(integrate(x**2*exp(x), x))",
    "from sympy import *\nx = symbols('x')\nprint(integrate(1/(x**2 + 1), (x, 0, 1)))",
    "from sympy import *\nx = symbols('x')\nprint(integrate(x*log(x), (x, 1, E)))",
    "from sympy import *\nx, y = symbols('x y')\nprint(integrate(x*y, (y, 0, x), (x, 0, 1)))",
    "from sympy import *\nx = symbols('x')\nprint(limit((1 + 1/x)**x, x, oo))",
    "from sympy import *\nx = symbols('x')\nprint(limit((sin(x) - x)/x**3, x, 0))",
    "from sympy import *\nx = symbols('x')\nprint(series(cos(x), x, 0, 8))",
    "from sympy import *\nx = symbols('x')\nprint(series(exp(x)*sin(x), x, 0, 5))",
    "from sympy import *\nn = symbols('n', integer=True)\nprint(summation(1/n**2, (n, 1, oo)))",
    "from sympy import *\nk, n = symbols('k n')\nprint(factor(summation(k**3, (k, 1, n))))",
    "from sympy import *\nk = symbols('k')\nprint(product(1 - 1/k**2, (k, 2, 50)))",
    "from sympy import *\nx = symbols('x')\nf = x**3 - 3*x\nprint([(r, f.subs(x, r)) for r in solve(diff(f, x), x)])",
    "from sympy import *\nt = symbols('t')\nf = Function('f')\nprint(dsolve(f(t).diff(t) - 2*f(t), f(t)))",
)

NUMBERS = (
    "from sympy import *\nprint(factorint(2**31 - 2))",
    "from sympy import *\nprint(list(primerange(100, 200)))",
    "from sympy import *\nprint(prime(1000), primepi(10000), nextprime(10**9))",
    "from sympy import *\nprint(divisors(5040)[-5:], divisor_count(5040), totient(5040))",
    "from sympy import *\nprint(gcd(123456, 7890), lcm(36, 48), integer_nthroot(10**12, 3))",
    "from sympy import *\nprint(mod_inverse(17, 3120), pow(7, 222, 1000))",
    "from sympy.ntheory.modular import crt\nprint(crt([3, 5, 7], [2, 3, 2]))",
    "from sympy import *\nfrom sympy.solvers.diophantine import diophantine\n"
    "x, y = symbols('x y', integer=True)\nprint(diophantine(7*x + 11*y - 100))",
    "from sympy import *\nfrom sympy.solvers.diophantine import diophantine\n"
    "x, y = symbols('x y', integer=True)\nprint(sorted(diophantine(x**2 + y**2 - 25)))",
    "from sympy import *\nprint(Rational(3, 8) + Rational(5, 12), N(pi, 30))",
    "from sympy import *\nprint(sum(int(d) for d in str(factorial(100))), binomial(20, 10))",
    "from sympy import *\nprint([fibonacci(n) for n in range(1, 15)], catalan(8))",
    "from sympy import *\nprint(sum(p for p in range(2, 1000) if isprime(p) and p % 4 == 1))",
    "from sympy.ntheory import n_order, primitive_root\nprint(n_order(3, 101), primitive_root(101))",
)

REST = (
    "from sympy import *\nA = Matrix([[2, 1], [1, 3]])\nprint(A.det(), A.inv(), A.eigenvals())",
    "from sympy import *\nA = Matrix([[1, 2, 3], [4, 5, 6], [7, 8, 10]])\nprint(A.rref(), A.rank())",
    "from sympy import *\nx = symbols('x')\nprint(Matrix([[x, 1], [1, x]]).charpoly().as_expr())",
    "from sympy import *\nA = Matrix([[4, 1], [2, 3]])\nP, D = A.diagonalize()\nprint(P * D**5 * P.inv())",
    "from sympy import *\nx = symbols('x')\nprint(simplify(sin(x)**4 - cos(x)**4))",
    "from sympy import *\nx = symbols('x')\nprint(trigsimp(2*sin(x)*cos(x)), expand_trig(sin(3*x)))",
    "from sympy import *\nx = symbols('x')\nprint(solveset(sin(x) - Rational(1, 2), x, Interval(0, 2*pi)))",
    "from sympy import *\na, b, c = Point(0, 0), Point(4, 0), Point(0, 3)\n"
    "t = Triangle(a, b, c)\nprint(t.area, t.perimeter, t.incircle.radius)",
    "from sympy import *\nc = Circle(Point(0, 0), 5)\nprint(c.intersection(Line(Point(-5, 1), Point(5, 1))))",
    "from sympy import *\nz = expand((1 + I)**8)\nprint(z, Abs(3 + 4*I), arg(1 + I), conjugate(2 - I))",
    "from sympy.utilities.iterables import multiset_permutations\n"
    "print(sum(1 for p in multiset_permutations('banana') if p[0] != 'a'))",
    "from sympy import *\nfrom sympy.functions.combinatorial.numbers import nC, nP, stirling\n"
    "print(nC(10, 3), nP(10, 3), stirling(7, 3))",
)

BLOCKS = ALGEBRA + CALCULUS + NUMBERS + REST
