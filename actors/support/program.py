"""Which of a program's output was typed: an abstract interpretation of its syntax tree. Nothing is run.

Literals, names that are bound to them, and calls that only rewrite them are typed; everything else is computed. So is
what depends on a computed condition: `for m in range(99): if m % 7 == 5: print(m)` is a search. In doubt a value is
computed, so that no honest program is held to print a constant.
"""

import ast
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from actors.support.expressions import Expressions
from actors.support.typed import (
    COMPUTED,
    ELEMENT,
    MUTATORS,
    NOTHING,
    TYPED,
    BudgetExceeded,
    Level,
    Value,
    fragments,
    highest,
    merged,
)
from store.solutions.normal_form import MAX_PARSED_CHARS, NO_PROGRAM


@dataclass(slots=True)
class Printed:
    """What a block printed, as far as its syntax tree shows.

    `lines` are typed lines. If `computes`, it may have printed computed values too, with the typed `fragments` around
    them. `compares`: one of those is the result of a comparison.
    """

    lines: Counter[str] = field(default_factory=Counter)
    fragments: set[str] = field(default_factory=set)
    computes: bool = False
    compares: bool = False

    def computed_part(self, output: str) -> str:
        """The output without what was typed."""
        if not self.computes:
            return ""
        left, rest = Counter(self.lines), []
        for line in output.split("\n"):
            if left[line.strip()] > 0:
                left[line.strip()] -= 1
            else:
                rest.append(line)
        computed = "\n".join(rest)
        for fragment in sorted(self.fragments, key=len, reverse=True):
            computed = computed.replace(fragment, " ")
        return computed


class Program(Expressions):
    """The blocks of one session, which share their names."""

    def add_block(self, source: str) -> Printed:
        """Analyse the next block; one that cannot be analysed may have printed anything."""
        self.printed = Printed()
        if len(source) > MAX_PARSED_CHARS:
            self.printed.computes = True
            return self.printed
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                tree = ast.parse(source)
            self._run(tree.body, Level.TYPED)
            self._display(tree.body)
        except (*NO_PROGRAM, ArithmeticError, TypeError):  # BudgetExceeded is a ValueError
            self.printed.computes = True
        return self.printed

    def _display(self, body: Sequence[ast.stmt]) -> None:
        """Record the value of the last expression, which is shown as in a notebook."""
        if body and isinstance(body[-1], ast.Expr) and not _is_print(body[-1].value):
            node = body[-1].value
            value = self._value(node)
            if value.level is Level.COMPUTED:
                self.printed.computes = True
                self.printed.compares |= isinstance(node, ast.Compare)
            elif value.is_known and value.known is not None:
                self.printed.lines[repr(value.known)] += 1

    # ---------------------------------------------------------------- statements

    def _run(self, body: Sequence[ast.stmt], control: Level) -> None:
        """Apply statements in order. `control` is computed if whether they run depends on a computed value."""
        for statement in body:
            self._spend()
            self._apply(statement, control)

    def _apply(self, statement: ast.stmt, control: Level) -> None:
        match statement:
            case ast.Assign(targets=targets, value=node):
                for target in targets:
                    self._assign(target, node, control)
            case ast.AnnAssign(target=target, value=ast.expr() as node):
                self._assign(target, node, control)
            case ast.AugAssign(target=ast.Name(id=name), op=operator, value=node):
                operand = ast.Name(id=name, ctx=ast.Load())
                self.names[name] = self._value(ast.BinOp(operand, operator, node)).at_least(control)
            case ast.AugAssign(target=target):
                self._bind(target, COMPUTED)
            case ast.Expr(value=node):
                self._apply_expression(node, control)
            case ast.If(test=test, body=then, orelse=otherwise):
                self._branch([then, otherwise], max(control, _as_condition(self._value(test))))
            case ast.For() | ast.AsyncFor():
                self._loop(statement, control)
            case ast.While(test=test, body=body, orelse=otherwise):
                self._repeat(body, max(control, _as_condition(self._value(test))))
                self._run(otherwise, control)
            case ast.With(body=body):
                for name in _bound(statement.items):
                    self.names[name] = COMPUTED
                self._run(body, control)
            case ast.Try(body=body, handlers=handlers, orelse=otherwise, finalbody=final):
                self._branch([[*body, *otherwise], []], control)
                for handler in handlers:  # an error is a result of what was computed
                    self._branch([handler.body, []], Level.COMPUTED)
                self._run(final, control)
            case ast.Return(value=node):
                value = NOTHING if node is None else self._value(node)
                self.returned.append(value.at_least(control))
            case ast.FunctionDef(name=name):
                self.functions[name] = statement
                for inner in ast.walk(statement):
                    if isinstance(inner, ast.Global | ast.Nonlocal):
                        self.names.update(dict.fromkeys(inner.names, COMPUTED))
            case ast.Pass() | ast.Break() | ast.Continue() | ast.Assert() | ast.Raise():
                pass
            case ast.Import() | ast.ImportFrom():
                names = _bound([statement])
                self.modules |= names
                self.names.update(dict.fromkeys(names, COMPUTED))
            case _:  # classes and whatever else binds names
                for name in _bound([statement]):
                    self.names[name] = COMPUTED

    def _assign(self, target: ast.expr, node: ast.expr, control: Level) -> None:
        pairs = isinstance(target, ast.Tuple | ast.List) and isinstance(node, ast.Tuple | ast.List)
        if pairs and len(target.elts) == len(node.elts):  # type: ignore[attr-defined]
            values = [self._value(item).at_least(control) for item in node.elts]  # type: ignore[attr-defined]
            for inner, value in zip(target.elts, values, strict=True):  # type: ignore[attr-defined]
                self._bind(inner, value)
        else:
            self._bind(target, self._value(node).at_least(control))

    def _bind(self, target: ast.expr, value: Value) -> None:
        match target:
            case ast.Name(id=name):
                self.names[name] = value
                self.functions.pop(name, None)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for inner in targets:
                    self._bind(inner, Value(value.level))
            case ast.Starred(value=inner):
                self._bind(inner, Value(value.level))
            case ast.Subscript(value=container) | ast.Attribute(value=container):
                self._mutate(container, value.level)

    def _mutate(self, container: ast.expr, level: Level) -> None:
        """A container changes: its value is no longer known, and as computed as what was put into it."""
        while isinstance(container, ast.Subscript | ast.Attribute):
            container = container.value
        if isinstance(container, ast.Name):
            name = container.id
            self.names[name] = Value(max(self.names.get(name, COMPUTED).level, level))

    def _apply_expression(self, node: ast.expr, control: Level) -> None:
        match node:
            case ast.Call(func=ast.Name(id="print"), args=arguments, keywords=options):
                self._print(arguments, plain=not options, control=control)
            case ast.Call(func=ast.Attribute(value=container, attr=method), args=arguments) if method in MUTATORS:
                level = highest([self._value(argument) for argument in arguments])
                self._mutate(container, max(level, control))
            case ast.Call(func=ast.Name(id=name)) if name in self.functions:
                self._value(node, control)
            case ast.Call():
                self.printed.computes = True  # it may print
            case ast.NamedExpr():
                self._value(node)

    def _print(self, arguments: Sequence[ast.expr], *, plain: bool, control: Level) -> None:
        values = [self._value(argument) for argument in arguments]
        if max(highest(values), control) is Level.COMPUTED:
            self.printed.computes = True
            self.printed.compares |= any(isinstance(argument, ast.Compare) for argument in arguments)
            if control is not Level.COMPUTED:
                texts = (text for argument in arguments for text in fragments(argument))
                self.printed.fragments.update(text for text in texts if _is_removable(text))
        elif plain and all(value.is_known for value in values):
            self.printed.lines.update(" ".join(str(value.known) for value in values).strip().split("\n"))

    def _branch(self, bodies: Sequence[Sequence[ast.stmt]], control: Level) -> None:
        """Apply the alternatives, each to the names as they were before, and merge the results."""
        before, after = self.names, []
        for body in bodies:
            self.names = dict(before)
            self._run(body, control)
            after.append(self.names)
        names = dict.fromkeys(name for branch in after for name in branch)
        self.names = {
            name: merged([branch[name] for branch in after if name in branch]) for name in names
        }

    def _loop(self, loop: ast.For | ast.AsyncFor, control: Level) -> None:
        iterable = self._value(loop.iter)
        level = iterable.level
        if iterable.is_known and isinstance(iterable.known, list | tuple) and len(iterable.known) == 1:
            variable = Value(level, iterable.known[0])
        else:
            variable = ELEMENT if level is not Level.COMPUTED else COMPUTED
        if any(isinstance(inner, ast.Break | ast.Continue | ast.Return) for inner in ast.walk(loop)):
            variable = COMPUTED  # where the loop ends may depend on anything
        self._bind(loop.target, variable.at_least(control))
        self._repeat(loop.body, control)
        self._run(loop.orelse, control)

    def _repeat(self, body: Sequence[ast.stmt], control: Level) -> None:
        """Apply a loop's body: what it assigns is computed if any of it is, since each round continues the last."""
        changed = _bound(body)
        for name in changed & self.names.keys():
            self.names[name] = Value(self.names[name].level)  # its value is known in the first round only
        printed, self.printed = self.printed, Printed()
        self._run(body, control)
        self.printed = printed
        if any(self.names.get(name, TYPED).level is not Level.TYPED for name in changed):
            self.names.update(dict.fromkeys(changed, COMPUTED))
        self._run(body, control)

    def _call_function(self, name: str, arguments: Sequence[Value], control: Level) -> Value:
        """The value of a call of the program's own function, whose body is applied to the arguments."""
        function = self.functions[name]
        parameters = [parameter.arg for parameter in function.args.args]
        if self.depth >= _MAX_DEPTH:
            self.printed.computes = True
            return COMPUTED
        outer, returned, self.returned = self.names, self.returned, []
        self.names = outer | dict.fromkeys(parameters, COMPUTED) | dict(zip(parameters, arguments, strict=False))
        self.depth += 1
        try:
            self._run(function.body, control)
            return merged(self.returned) if self.returned else NOTHING
        finally:
            self.depth -= 1
            self.names, self.returned = outer, returned


_MAX_DEPTH = 4
_SHORTEST_FRAGMENT = 4


def _is_print(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"


def _as_condition(value: Value) -> Level:
    """A choice by an element of a sequence computes something: it compares them."""
    return Level.TYPED if value.level is Level.TYPED else Level.COMPUTED


def _is_removable(text: str) -> bool:
    """Whether a typed text has a number or a word that could pass for the answer."""
    return len(text.strip()) >= _SHORTEST_FRAGMENT and any(character.isalpha() for character in text)


def _bound(nodes: Sequence[ast.AST]) -> set[str]:
    """The names that statements bind, in any depth."""
    names: set[str] = set()
    for root in nodes:
        for node in ast.walk(root):
            match node:
                case ast.Name(id=name, ctx=ast.Store()):
                    names.add(name)
                case ast.alias(name=name, asname=alias):
                    names.add(alias or name.partition(".")[0])
                case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    names.add(name)
    return names


__all__ = ["BudgetExceeded", "Printed", "Program"]
