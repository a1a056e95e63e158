"""A cursor over the tokens of an expression."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from sandbox.guest.answers.expressions.operations import Value
from sandbox.guest.answers.expressions.tokens import END, Token, UnreadError

_MAX_DEPTH = 60  # of brackets; sympy's own recursion is a few frames for each


class TokenCursor:
    """The tokens of a text, the last of which is END, and the position of the next."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self.position = 0
        self.depth = 0

    @property
    def next(self) -> Token:
        """The token that `take` returns next."""
        return self._tokens[self.position]

    @property
    def previous(self) -> Token:
        """The token that was taken last."""
        return self._tokens[self.position - 1]

    def texts(self, count: int) -> list[str]:
        """The texts of the next `count` tokens."""
        return [token.text for token in self._tokens[self.position : self.position + count]]

    def take(self) -> Token:
        """The next token; END again at the end."""
        token = self.next
        self.position += token is not END
        return token

    def replace_next(self, token: Token) -> None:
        """Put `token` in the place of the next one."""
        self._tokens[self.position] = token

    def accept(self, *texts: str) -> bool:
        """Take the next token if it is one of these signs or commands; returns whether it was."""
        accepted = self.next.kind in ("sign", "command") and self.next.text in texts
        self.position += accepted
        return accepted

    def is_sign(self, *texts: str) -> bool:
        """Whether the next token is one of these signs."""
        return self.next.kind == "sign" and self.next.text in texts

    def expect(self, text: str) -> None:
        """Take the sign or command `text`. Raises UnreadError if another token is next."""
        if not self.accept(text):
            self.refuse(self.next, text)

    def expect_end(self) -> None:
        """Raises UnreadError if tokens are left."""
        if self.next is not END:
            self.refuse(self.next, "the end")

    def refuse(self, token: Token, expected: str = "an expression") -> Value:
        """Raises UnreadError."""
        raise UnreadError(f"{token.text or 'the end'!r} where {expected!r} was expected")

    def nested(self, read: Callable[[], Value]) -> Value:
        """What `read` reads one level deeper. Raises UnreadError if that is too deep."""
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise UnreadError("it is nested too deeply")
        value = read()
        self.depth -= 1
        return value


class Grammar(TokenCursor, ABC):
    """The levels of the grammar that parts with a form of their own are made of. Each raises UnreadError."""

    @abstractmethod
    def sum(self) -> Value:
        """Terms with signs between them."""

    @abstractmethod
    def script(self) -> Value:
        """An exponent: a group, or one token with its sign."""

    @abstractmethod
    def subscript_value(self) -> Value:
        """A subscript with a value."""
