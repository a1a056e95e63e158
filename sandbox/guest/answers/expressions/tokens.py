"""Splits LaTeX into tokens. A character that no rule covers makes the whole text unreadable: nothing is skipped."""

import re
from typing import NamedTuple


class UnreadError(ValueError):
    """A text is not an expression that is understood to its end."""


class Token(NamedTuple):
    """`kind`: number, letter, name, command, text, sign or end. `spaced`: white space precedes it."""

    kind: str
    text: str
    spaced: bool = False


END = Token("end", "")

_ROMAN = (
    r"\\(?:mathrm|mathit|mathsf|rm|operatorname\*?|text|textrm|textnormal|textit|textbf|mbox|hbox|mathbf|boldsymbol|bm)"
)
_RULES = re.compile(
    r"(?P<space>(?:\s|~|\\[ ,;:!]|\\(?:displaystyle|textstyle|limits|quad|qquad|left|right|hfill)(?![a-zA-Z]))+)"
    r"|(?P<repeating>[0-9]*\.[0-9]*\\overline\s*\{[0-9]{1,40}\})"
    r"|(?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?|[0-9]{1,3}(?:\ [0-9]{3})+(?![0-9])"
    r"|[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
    rf"|{_ROMAN}\s*\{{(?P<roman>[^{{}}\\]*)\}}"
    r"|(?P<blackboard>\\mathbb\s*(?:\{\s*[A-Z]\s*\}|[A-Z]))"
    r"|\\(?P<accent>vec|hat|bar|tilde|dot|overline|overrightarrow|widehat|mathcal)\s*"
    r"(?:\{\s*(?P<accented>[^{}\\]{1,8})\s*\}|(?P<accented_letter>[a-zA-Z]))"
    r"|(?P<environment>\\(?:begin|end)\s*\{[a-z]+\*?\})"
    r"|(?P<row>\\\\)"
    r"|(?P<escaped>\\[{}|%$#&])"
    r"|(?P<command>\\[a-zA-Z]+)"
    r"|(?P<letter>[a-zA-Z])"
    r"|(?P<greek>[α-ωΑ-Ω])"
    r"|(?P<sign><=|>=|!=|[-+*/^_=<>!|()\[\]{},:;&'×·÷≤≥≠≈∞°%])"
)
_GREEK_NAMES = """
alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega
Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega
"""
_GREEK = dict(zip("αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ", _GREEK_NAMES.split(), strict=True))
_SYNONYMS = {
    "×": r"\times", "·": r"\cdot", "÷": r"\div", "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "∞": r"\infty",
    "<=": r"\le", ">=": r"\ge", "!=": r"\ne", "*": r"\cdot", r"\leq": r"\le", r"\geq": r"\ge", r"\neq": r"\ne",
    r"\leqslant": r"\le", r"\geqslant": r"\ge", r"\lt": "<", r"\gt": ">", r"\lvert": "|", r"\rvert": "|", r"\vert": "|",
    r"\mid": "|", r"\|": r"\|", r"\lbrace": r"\{", r"\rbrace": r"\}", r"\lbrack": "[", r"\rbrack": "]", r"\colon": ":",
    r"\varepsilon": r"\epsilon", r"\varphi": r"\phi", r"\vartheta": r"\theta", r"\dfrac": r"\frac", r"\tfrac": r"\frac",
    r"\cfrac": r"\frac", r"\tbinom": r"\binom", r"\dbinom": r"\binom", r"\lg": r"\log", r"\degree": r"\circ",
    r"\prime": "'", r"\ast": r"\cdot", r"\simeq": r"\approx", "%": r"\%", r"\tg": r"\tan", r"\ctg": r"\cot",
    r"\arctg": r"\arctan", r"\cosec": r"\csc", r"\dots": r"\ldots", r"\cdots": r"\ldots",
}  # fmt: skip
_FUNCTIONS = """
sin cos tan cot sec csc arcsin arccos arctan arccot arcsec arccsc sinh cosh tanh coth sech csch arsinh arcosh artanh
arcsinh arccosh arctanh log ln exp max min gcd lcm sgn sign floor ceil Re Im erf
"""
FUNCTION_NAMES = frozenset(_FUNCTIONS.split())
_LONGEST_PRODUCT = 3  # letters side by side; more are a word


def tokenize(text: str) -> list[Token]:
    """The tokens of `text` and an end token. Raises UnreadError at a character that no token may have."""
    tokens: list[Token] = []
    position, spaced = 0, False
    while position < len(text):
        found = _RULES.match(text, position)
        if found is None:
            raise UnreadError(f"{text[position]!r} is not understood")
        position = found.end()
        if found["space"] is not None:
            spaced = True
            continue
        tokens += _tokens(found, spaced)
        spaced = False
    _refuse_words(text)
    return [*tokens, END]


def _tokens(found: re.Match[str], spaced: bool) -> list[Token]:
    """The tokens of one match; several letters in roman type are one name, or letters of a product."""
    text = found[0]
    if found["number"] is not None:
        return [Token("number", text.replace(",", "").replace(" ", ""), spaced)]
    if found["repeating"] is not None:
        return [Token("repeating", text, spaced)]
    if found["roman"] is not None:
        return [_roman(found, spaced)]
    if found["blackboard"] is not None:
        return [Token("name", f"\\mathbb{text.strip('{} ')[-1]}", spaced)]
    if found["accent"] is not None:
        return [_accented(found["accent"], (found["accented"] or found["accented_letter"]).strip(), spaced)]
    if found["greek"] is not None:
        return [Token("command", "\\" + _GREEK[text], spaced)] if text in _GREEK else [Token("name", text, spaced)]
    if found["letter"] is not None:
        return [Token("letter", text, spaced)]
    if found["command"] is not None or found["environment"] is not None:
        written = _SYNONYMS.get(text, text.replace(" ", ""))
        return [Token("command" if written[1:].strip("{}") else "sign", written, spaced)]
    if text == "°":
        return [Token("sign", "^"), Token("command", r"\circ")]
    return [Token("sign", _SYNONYMS.get(text, text), spaced)]


def _accented(accent: str, content: str, spaced: bool) -> Token:
    if accent == "mathcal" and content == "O":  # the order of growth
        return Token("letter", "O", spaced)
    return Token("name", f"{accent}({content})", spaced)


def _roman(found: re.Match[str], spaced: bool) -> Token:
    content = found["roman"].strip()
    bold = re.match(r"\\(?:mathbf|boldsymbol|bm)", found[0]) is not None
    if bold and content in {"i", "j", "k", "e"}:  # unit vectors, not numbers
        return Token("name", f"vec({content})", spaced)
    if content in FUNCTION_NAMES:
        return Token("command", "\\" + content, spaced)
    if len(content) == 1 and content.isalpha() and not found[0].startswith(("\\text", "\\mbox", "\\hbox")):
        return Token("letter", content, spaced)
    return Token("text", content, spaced)


def _refuse_words(text: str) -> None:
    """A run of letters that is too long for a product is a word, and no part of an expression."""
    bare = re.sub(rf"{_ROMAN}\s*\{{[^{{}}\\]*\}}|\\(?:begin|end)\s*\{{[a-z]+\*?\}}|\\[a-zA-Z]+", " ", text)
    for word in re.findall(r"[a-zA-Z]+", bare):
        if len(word) > _LONGEST_PRODUCT and word not in FUNCTION_NAMES:
            raise UnreadError(f"{word!r} is a word")
