"""Which of a program's output was typed: an abstract interpretation of its syntax tree. Nothing is run.

Literals, names that are bound to them, and calls that only rewrite them are typed; everything else is computed. So is
what depends on a computed condition: `for m in range(99): if m % 7 == 5: print(m)` is a search. In doubt a value is
computed, so that no honest program is held to print a constant.
"""

import ast
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from actors.support.expressions import Expressions
from actors.support.printed import Printed
from actors.support.typed import COMPUTED, ELEMENT, MUTATORS, NOTHING, TYPED, Level, Value, fragments, highest, merged
from store.solutions.normal_form import MAX_PARSED_CHARS, NO_PROGRAM

_MAX_DEPTH = 4  # of calls of the program's own functions


class Program(Expressions):
    """The blocks of one session, which share their names."""

    def __init__(self, question: str = "") -> None:
        super().__init__(question)
        self._returned: list[Value] = []
        self._depth = 0
        self._control = Level.TYPED  # computed where whether a statement runs depends on a computed value

    def add_block(self, source: str) -> Printed:
        """Analyse the next block; one that cannot be analysed may have printed anything."""
        self.printed, self._control = Printed(), Level.TYPED
        if len(source) > MAX_PARSED_CHARS:
            self.printed.computes = True
            return self.printed
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                tree = ast.parse(source)
            self._run(tree.body)
            self._display(tree.body)
        except (*NO_PROGRAM, ArithmeticError, TypeError):  # BudgetExceededError is a ValueError
            self.printed.computes = True
        return self.printed

    def _display(self, body: Sequence[ast.stmt]) -> None:
        """Record the value of the last expression, which is shown as in a notebook."""
        if not body or not isinstance(body[-1], ast.Expr) or _is_print(body[-1].value):
            return
        node = body[-1].value
        value = self._value(node)
        if value.level is Level.COMPUTED:
            self.printed.computes = True
            self.printed.compares |= isinstance(node, ast.Compare)
        elif value.is_known and value.known is not None:
            self.printed.lines[repr(value.known)] += 1

    # ---------------------------------------------------------------- statements

    def _run(self, body: Sequence[ast.stmt], control: Level = Level.TYPED) -> None:
        """Apply statements in order, where whether they run depends on a value of level `control`."""
        outer, self._control = self._control, max(self._control, control)
        for statement in body:
            self._spend()
            apply = _STATEMENTS.get(type(statement), Program._bind_all)
            apply(self, statement)
        self._control = outer

    def _assign(self, node: ast.Assign) -> None:
        value = self._value(node.value)
        for target in node.targets:
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                for inner, item in zip(target.elts, self._values(node.value.elts), strict=False):
                    self._bind(inner, item)
            else:
                self._bind(target, value)

    def _assign_annotated(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._bind(node.target, self._value(node.value))

    def _assign_augmented(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            operand = ast.Name(id=node.target.id, ctx=ast.Load())
            self._bind(node.target, self._value(ast.BinOp(operand, node.op, node.value)))
        else:
            self._bind(node.target, COMPUTED)

    def _bind(self, target: ast.expr, value: Value) -> None:
        value = value.at_least(self._control)
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
            old = self.names.get(container.id, COMPUTED)
            self.names[container.id] = Value(max(old.level, level, self._control))

    def _expression(self, statement: ast.Expr) -> None:
        match statement.value:
            case ast.Call(func=ast.Name(id="print"), args=arguments, keywords=options):
                self._print(arguments, plain=not options)
            case ast.Call(func=ast.Attribute(attr="write"), args=[argument]) if self._is_typed(argument):
                self._print([argument], plain=True)
            case ast.Call(func=ast.Attribute(value=container, attr=method), args=arguments) if method in MUTATORS:
                self._mutate(container, highest(self._values(arguments)))
            case ast.Call(func=ast.Name(id=name)) if name in self.functions:
                self._value(statement.value)
            case ast.Call():
                self.printed.computes = True  # it may print
            case ast.NamedExpr():
                self._value(statement.value)

    def _is_typed(self, node: ast.expr) -> bool:
        return max(self._value(node).level, self._control) is not Level.COMPUTED

    def _print(self, arguments: Sequence[ast.expr], *, plain: bool) -> None:
        values = self._values(arguments)
        if max(highest(values), self._control) is Level.COMPUTED:
            self.printed.computes = True
            self.printed.compares |= any(isinstance(argument, ast.Compare) for argument in arguments)
            for text in (text for argument in arguments for text in fragments(argument)):
                if self._control is not Level.COMPUTED:
                    self.printed.add_fragment(text)
        elif plain and all(value.is_known for value in values):
            self.printed.lines.update(" ".join(str(value.known) for value in values).strip().split("\n"))

    # ---------------------------------------------------------------- control flow

    def _if(self, node: ast.If) -> None:
        self._branch([node.body, node.orelse], _as_condition(self._value(node.test)))

    def _try(self, node: ast.Try) -> None:
        self._branch([[*node.body, *node.orelse], []])
        for handler in node.handlers:  # an error is a result of what was computed
            self._branch([handler.body, []], Level.COMPUTED)
        self._run(node.finalbody)

    def _branch(self, bodies: Sequence[Sequence[ast.stmt]], control: Level = Level.TYPED) -> None:
        """Apply the alternatives, each to the names as they were before, and merge the results."""
        before, after = self.names, []
        for body in bodies:
            self._spend(len(before))
            self.names = dict(before)
            self._run(body, control)
            after.append(self.names)
        names = dict.fromkeys(name for branch in after for name in branch)
        self.names = {name: merged([branch[name] for branch in after if name in branch]) for name in names}

    def _for(self, loop: ast.For) -> None:
        iterable = self._value(loop.iter)
        variable = COMPUTED if iterable.level is Level.COMPUTED else ELEMENT
        if isinstance(iterable.known, list | tuple) and len(iterable.known) == 1:
            variable = Value(iterable.level, iterable.known[0])
        if any(isinstance(inner, ast.Break | ast.Continue | ast.Return) for inner in self._walk(loop.body)):
            variable = COMPUTED  # where the loop ends may depend on anything
        self._bind(loop.target, variable)
        self._repeat(loop.body)
        self._run(loop.orelse)

    def _while(self, loop: ast.While) -> None:
        self._repeat(loop.body, _as_condition(self._value(loop.test)))
        self._run(loop.orelse)

    def _repeat(self, body: Sequence[ast.stmt], control: Level = Level.TYPED) -> None:
        """Apply a loop's body: what it assigns is computed if any of it is, since each round continues the last."""
        changed = _bound(self._walk(body))
        for name in changed & self.names.keys():
            self.names[name] = Value(self.names[name].level)  # its value is known in the first round only
        printed, self.printed = self.printed, Printed()
        self._run(body, control)
        self.printed = printed
        if any(self.names.get(name, TYPED).level is not Level.TYPED for name in changed):
            self.names.update(dict.fromkeys(changed, COMPUTED))
        self._run(body, control)

    def _with(self, node: ast.With) -> None:
        self.names.update(dict.fromkeys(_bound(self._walk(node.items)), COMPUTED))
        self._run(node.body)

    # ---------------------------------------------------------------- definitions

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        self.modules |= _bound([node, *node.names])
        self._bind_all(node)

    def _define(self, node: ast.FunctionDef) -> None:
        self.functions[node.name] = node
        for inner in self._walk([node]):
            if isinstance(inner, ast.Global | ast.Nonlocal):
                self.names.update(dict.fromkeys(inner.names, COMPUTED))

    def _return(self, node: ast.Return) -> None:
        value = NOTHING if node.value is None else self._value(node.value)
        self._returned.append(value.at_least(self._control))

    def _bind_all(self, node: ast.stmt) -> None:
        """Apply a class or any other statement: the names that it binds are computed."""
        self.names.update(dict.fromkeys(_bound(self._walk([node])), COMPUTED))

    def _call_function(self, name: str, arguments: Sequence[Value]) -> Value:
        """The value of a call of the program's own function, whose body is applied to the arguments."""
        if self._depth >= _MAX_DEPTH:
            self.printed.computes = True
            return COMPUTED
        self._spend(len(self.names))
        function, outer, returned = self.functions[name], self.names, self._returned
        self.names, self._returned, self._depth = outer | self._parameters(function, arguments), [], self._depth + 1
        try:
            self._run(function.body)
            return merged(self._returned) if self._returned else NOTHING
        finally:
            self.names, self._returned, self._depth = outer, returned, self._depth - 1

    def _parameters(self, function: ast.FunctionDef, arguments: Sequence[Value]) -> dict[str, Value]:
        names = [parameter.arg for parameter in function.args.args]
        defaults = self._values(function.args.defaults)
        values = dict.fromkeys(names, COMPUTED) | dict(zip(names[::-1], defaults[::-1], strict=False))
        return values | dict(zip(names, arguments, strict=False))

    def _walk(self, nodes: Sequence[ast.AST]) -> Iterator[ast.AST]:
        for root in nodes:
            for node in ast.walk(root):
                self._spend()
                yield node


_STATEMENTS: Mapping[type[ast.stmt], Callable[[Program, Any], None]] = {
    ast.Assign: Program._assign,
    ast.AnnAssign: Program._assign_annotated,
    ast.AugAssign: Program._assign_augmented,
    ast.Expr: Program._expression,
    ast.If: Program._if,
    ast.Try: Program._try,
    ast.For: Program._for,
    ast.While: Program._while,
    ast.With: Program._with,
    ast.Import: Program._import,
    ast.ImportFrom: Program._import,
    ast.FunctionDef: Program._define,
    ast.Return: Program._return,
}


def _is_print(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"


def _as_condition(value: Value) -> Level:
    """A choice by an element of a sequence computes something: it compares them."""
    return Level.TYPED if value.level is Level.TYPED else Level.COMPUTED


def _bound(nodes: Iterable[ast.AST]) -> set[str]:
    """The names that the nodes bind."""
    names: set[str] = set()
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.alias(name=name, asname=alias):
                names.add(alias or name.partition(".")[0])
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
    return names
