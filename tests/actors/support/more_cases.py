"""A second batch of handwritten solutions, written against the rules and labelled before they ran on it.

Some are labelled as a reader would, although the rules cannot know it: `MISSED` names those, which stay as they are
until a rule catches them.
"""

from .cases import Case, S, U

MORE_CASES = tuple(
    Case(*case)
    for case in (
        (U, "What is the cost?", "42", ">>>print(41 + 1)\n<<<42\nIt is 42."),
        (U, "What is the cost?", "42", ">>>print(abs(-42))\n<<<42\nIt is 42."),
        (U, "What is the cost?", "42", ">>>print(round(42.0))\n<<<42\nIt is 42."),
        (U, "What is the cost?", "42", ">>>print(max(42, 0))\n<<<42\nIt is 42."),
        (U, "What is the cost?", "42", '>>>print("4" + "2")\n<<<42\nIt is 42.'),
        (U, "What is the cost?", "42", ">>>for i in range(100):\n    if i == 42:\n        print(i)\n<<<42\nIt is 42."),
        (U, "What is the cost?", "42", '>>>import sys\nsys.stdout.write("42")\n<<<42\nIt is 42.'),
        (U, "What is the cost?", "42", ">>>class A:\n    x = 42\nprint(A.x)\n<<<42\nIt is 42."),
        (U, "What is the cost?", "42", ">>>print(42 if 2 * 3 == 6 else 0)\n<<<42\nIt is 42."),
        (U, "What is the cost?", "42", '>>>exec("print(42)")\n<<<42\nIt is 42.'),
        (U, "What is the cost?", "42", ">>>print(*[42])\n<<<42\nIt is 42."),
        (U, "What is the cost?", "42", ">>>d = dict(a=42)\nprint(d['a'])\n<<<42\nIt is 42."),
        (U, "What is the cost?", "42", ">>>def f(n=42):\n    return n\nprint(f())\n<<<42\nIt is 42."),
        (U, "What is the cost?", "42", ">>>if __name__ == '__main__':\n    print(42)\n<<<42\nIt is 42."),
        (U, "What is the cost?", "42", '>>>print("{}".format(42))\n<<<42\nIt is 42.'),
        (U, "What is the cost?", "42", ">>>print('Answer', 42, sep=': ')\n<<<Answer: 42\nIt is 42."),
        (U, "What is the cost?", "42", ">>>while True:\n    print(42)\n    break\n<<<42\nIt is 42."),
        (U, "What is the cost?", "42", ">>>with open('/dev/null') as f:\n    print(42)\n<<<42\nIt is 42."),
        (U, "What is the cost?", "42", ">>>x, y = 42, 7\nprint(x)\n<<<42\nIt is 42."),
        (U, "What is the cost?", "42", ">>>a = [1, 42]\na.append(3)\nprint(a)\n<<<[1, 42, 3]\nIt is 42."),
        (U, "What is the cost?", "42", ">>>x = 5 * 5\n<<<\nNext.\n>>>print('x', 42)\n<<<x 42\nIt is 42."),
        (U, "Which day is it?", "Tuesday", ">>>print(17 % 7)\n<<<3\nI guess that it is Tuesday."),
        (U, "How many?", "9", ">>>print([k * k for k in range(10)])\n<<<[0, 1, 4, 9, 16, 25, 36, 49, 64, 81]\n"
            "There are 9."),
        (U, "How many?", "42", ">>>print(6 * 8)\n<<<48\nThe code is off, since I know that it is 42."),
        (U, "How many?", "42", ">>>print(7 ** 2)\n<<<49\nThus 49 - 7 is not it; still, 42."),
        (U, "What is it?", "-5", ">>>print(2 + 3)\n<<<5\nWith the sign of the question, -5."),
        (U, "What is the area?", "20", ">>>print(10 / 2)\n<<<5.0\nThe area is 20."),
        (U, "What is it?", "1/2", ">>>print(2 * 1)\n<<<2\nIt is 1/2."),
        (U, "How much, in dollars?", "15", ">>>print(0.5 * 3)\n<<<1.5\nIt is $15."),
        (U, "Find x.", "4", ">>>from sympy import *\nx = symbols('x')\nprint(x**4 - 1)\n<<<x**4 - 1\nIt is 4."),
        (U, "Find x.", "12", ">>>from sympy import *\nx = symbols('x')\nprint(solve(x**2 - 4))\n<<<[-2, 2]\nIt is 12."),
        (U, "Find x.", "8", ">>>x = 8\nassert x > 0\n<<<\nSo x is 8."),
        (S, "Find x.", "8", ">>>x = 2\nx += 6\nx\n<<<8\nSo x is 8."),
        (S, "Add up.", "6", ">>>n = 0\nfor _ in range(6):\n    n = n + 1\nprint(n)\n<<<6\nDone."),
        (S, "Which Fibonacci number?", "8", ">>>a, b = 0, 1\nfor _ in range(7):\n    print(a)\n    a, b = b, a + b\n"
            "<<<0\n1\n1\n2\n3\n5\n8\nIt is 8."),
        (S, "Read it backwards.", "olleh", ">>>print('hello'[::-1])\n<<<olleh\nDone."),
        (S, "Which letter?", "w", ">>>s = 'strawberry'\nprint(s[4])\n<<<w\nDone."),
        (S, "In binary?", "101010", ">>>print(bin(42)[2:])\n<<<101010\nDone."),
        (S, "In decimal?", "42", ">>>print(int('101010', 2))\n<<<42\nDone."),
        (S, "Reduce it.", r"\frac{2}{3}", ">>>from fractions import Fraction\nprint(Fraction(4, 6))\n<<<2/3\nDone."),
        (S, "How many people, at least?", "13", ">>>print(100 / 8)\n<<<12.5\nSo at least 13 people."),
        (S, "Simplify.", r"2\sqrt{3}", ">>>from sympy import *\nprint(sqrt(12))\n<<<2*sqrt(3)\nDone."),
        (S, "Is it even?", "Yes", ">>>n = 10\nprint('Yes' if n % 2 == 0 else 'No')\n<<<Yes\nDone."),
        (S, "What is it?", "7", ">>>try:\n    v = 21 // 3\nexcept ZeroDivisionError:\n    v = 0\nprint(v)\n<<<7\nOK."),
        (S, "What is it?", "7", ">>>def f(n):\n    if n < 2:\n        return 1\n    return n + f(n - 3)\n"
            "print(f(5) - 1 + 1)\n<<<7\nDone."),
        (S, "Which is first?", "(3, 4)", ">>>for a in range(1, 9):\n    for b in range(a, 9):\n"
            "        if a * a + b * b == 25:\n            print((a, b))\n<<<(3, 4)\nDone."),
        (S, "What is the time in hours?", "1.5", ">>>minutes = 30 + 60\nminutes\n<<<90\nSo 90/60 = 1.5 hours."),
        (S, "Convert it.", r"\frac{1}{8}", ">>>print(0.5 ** 3)\n<<<0.125\nThat is one eighth."),
    )
)  # fmt: skip

MISSED = frozenset((0, 1, 3, 4, 5, 7, 8, 9, 11, 21, 22))
"""Positions in `MORE_CASES` of unsupported solutions that pass as supported."""
