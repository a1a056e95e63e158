"""Recognises sentences, and finds the answer in them: a policy may state it in words, without a box."""

import re

_COMMAND = re.compile(r"\\(?:text|textbf|textit|mathrm|mbox|operatorname|begin|end)\s*\{[^{}]*\}|\\[a-zA-Z]+")
_WORD = re.compile(r"[^\W\d_]{3,}")
_WORDS = 3  # fewer may name what is counted
_STATEMENT = re.compile(r"\s*[A-Za-z]{2,},?\s+[a-z]+\s.*[0-9]")  # He has 12 apples
_SPAN = re.compile(
    r"\$\$(?P<display>(?:[^$\\]|\\.)+)\$\$|\$(?P<inline>(?:[^$\\]|\\.)+)\$"
    r"|\\\((?P<round>.+?)\\\)|\\\[(?P<square>.+?)\\\]",
    re.DOTALL,
)
_FORMULA = re.compile(r"(?<![\\$])\$(?![\s$])((?:[^$\\]|\\.)*[^$\s\\])\$(?![$0-9])")
_ANCHOR = re.compile(
    r"(?:\banswer\b|答案)(?:[^.:=\n]{0,40}?)(?:\s+is\b|\s+are\b|:|=|是|为)\s*:?\s*"
    r"|(?:比例为|结果是|结果为)",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"[.!?](?:\s|$)|[。！？\n]")
_FRACTION = r"\\frac\s*\{[^{}]*\}\s*\{[^{}]*\}"
_NUMBER = (
    rf"[-−]?\s?(?:[$€£]\s*)?(?:{_FRACTION}|[0-9][0-9,]*(?:\.[0-9]+)?|\.[0-9]+)(?:\s*/\s*[0-9]+)?(?:\s*\\?%|\s?[€£])?"
)
_LAST_NUMBER = re.compile(rf"(?<![\w.]){_NUMBER}(?![0-9])|(?<=[^\x00-\x7f]){_NUMBER}")
_AFTER_EQUALS = re.compile(rf".*=\s*({_NUMBER})[^=]*\Z", re.DOTALL)
_AFTER_VERB = re.compile(
    r"\b(?:is|are|be|was|were|equals?|has|have|had|gets?|pays?|costs?|needs?|makes?|totals?|by|est(?: donc)?(?: de)?)\b"
    r"(?:\s+(?:only|exactly|about|approximately|equal to|a total of|thus|therefore))*"
    rf"\s+\**(\$[^$]+\$|{_NUMBER})(?![0-9]|\s*[-+*/=×])",
    re.IGNORECASE,
)
_AMOUNT = re.compile(r"(?<![\w.,])[0-9][0-9.,]*[0-9]?\s*(?=[$€£](?![0-9\\]))|(?<=[€£])\s*[0-9][0-9.,]*[0-9]")
_WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_WIDE_CHARACTERS = 4  # fewer may be a unit
_SHORT_WORDS = 6  # an anchored answer may have so many, such as the name of a person
_JOINED_ALL = re.compile(r"(?:\s|,|;|and|or)*", re.IGNORECASE)
_JOINED = re.compile(r"[\s,;]*(?:and|or|,|;)[\s,;]*", re.IGNORECASE)


def is_prose(text: str) -> bool:
    """Whether `text` is a sentence around an answer rather than an answer."""
    text = text.replace("\\$", "")
    bare = _COMMAND.sub(" ", text)
    words = len(_WORD.findall(bare))
    if _ANCHOR.search(text) or len(_WIDE.findall(text)) >= _WIDE_CHARACTERS:
        return True
    if words >= _WORDS and _STATEMENT.match(bare):
        return True
    return words > _WORDS or (words > 0 and "$" in text.strip("$") and not text.startswith("$")) or "\n" in bare.strip()


def answer_in(text: str) -> str | None:
    """The answer that a sentence states: after `answer is`, else its last formula or number; None if it has none."""
    text = text.strip()
    anchored = _after_anchor(text) or _formulas_alone(text)
    if anchored is not None:
        return anchored
    sentence = _last_sentence(text)
    amounts = _AMOUNT.findall(sentence) if text.count("$") < 2 else []
    if amounts:
        return str(amounts[-1]).strip()
    return _stated(sentence) or (None if _holds_several(sentence) else _last_formula(text) or _last_number(text))


def without_dollars(text: str) -> str:
    """`text` without the dollars around its formulas; amounts of money keep theirs."""
    return _FORMULA.sub(r"\1", text)


def _stated(sentence: str) -> str | None:
    """What a sentence states: its only formula or number, else the last after a verb, else after an equals sign."""
    if not _holds_several(sentence):
        return _last_formula(sentence) or _last_number(sentence)
    stated = _AFTER_VERB.findall(sentence)
    if stated:
        return str(stated[-1]).strip().strip("$")
    equal = _AFTER_EQUALS.search(sentence)
    return equal[1].strip() if equal else None


def _holds_several(sentence: str) -> bool:
    """Whether a sentence has several formulas or numbers, any of which may be the answer."""
    found = [_content(span) for span in _SPAN.finditer(sentence)] + _LAST_NUMBER.findall(_SPAN.sub(" ", sentence))
    return len({"".join(text.split()) for text in found}) > 1


def answering_sentence(text: str) -> str:
    """The sentence with the last `answer is`, from there on; without one, the last sentence."""
    anchors = list(_ANCHOR.finditer(text))
    return _SENTENCE_END.split(text[anchors[-1].end() :], maxsplit=1)[0] if anchors else _last_sentence(text)


def _after_anchor(text: str) -> str | None:
    anchors = list(_ANCHOR.finditer(text))
    if not anchors:
        return None
    rest = text[anchors[-1].end() :].strip()
    spans = _leading_spans(rest)
    if spans:
        return spans
    sentence = _SENTENCE_END.split(rest, maxsplit=1)[0].strip(" *_`")
    if not sentence:
        return None
    if len(_WORD.findall(_COMMAND.sub(" ", sentence))) <= _SHORT_WORDS and "$" not in sentence.strip("$"):
        return sentence.strip("$ ")
    return _last_formula(sentence) or _last_number(sentence)


def _leading_spans(text: str) -> str | None:
    """The formulas that `text` begins with, joined if only `and` or commas stand between them."""
    contents: list[str] = []
    end = 0
    for found in _SPAN.finditer(text):
        between = text[end : found.start()]
        if between.strip("* ") and not (contents and _JOINED.fullmatch(between)):
            break
        contents.append(_content(found))
        end = found.end()
    return ", ".join(contents) or None


def _formulas_alone(text: str) -> str | None:
    """The formulas of a text that has nothing but `and`, `or` and commas between them."""
    rest = _SPAN.sub("", text).strip(" .")
    return _leading_spans(text) if text.startswith(("$", "\\(", "\\[")) and _JOINED_ALL.fullmatch(rest) else None


def _last_sentence(text: str) -> str:
    sentences = [part for part in _SENTENCE_END.split(text) if part.strip()]
    return sentences[-1] if sentences else text


def _last_formula(text: str) -> str | None:
    """The last formula, unless a number in plain text follows it."""
    spans = list(_SPAN.finditer(text))
    if not spans:
        return None
    after = text[spans[-1].end() :]
    return None if _LAST_NUMBER.search(after) else _content(spans[-1])


def _last_number(text: str) -> str | None:
    numbers = _LAST_NUMBER.findall(text)
    return numbers[-1].strip().rstrip(",") if numbers else None


def _content(found: re.Match[str]) -> str:
    return next(part for part in found.groups() if part is not None).strip()
