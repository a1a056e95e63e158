"""What requests cost, in millionths of a US dollar, and the most that they can cost before they are sent.

A price of one dollar per million tokens is one millionth of a dollar per token. Fractions are rounded up.
"""

import json
from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Any

from actors.annotation.settings import AnnotationSettings, TokenPrice
from store.records import Amount, Usage


def cost(price: TokenPrice, usage: Usage, *, in_batch: bool) -> int:
    """The cost of an answered request, in millionths of a US dollar."""
    cached = min(usage.cached, usage.prompt)
    of_cached = price.input if price.cached_input is None else price.cached_input
    exact = (usage.prompt - cached) * price.input + cached * of_cached + usage.completion * price.output
    return _rounded_up(exact * (price.batch_factor if in_batch else 1))


def most(settings: AnnotationSettings, price: TokenPrice, body: Mapping[str, Any], *, in_batch: bool) -> Amount:
    """The most that a request can cost.

    A prompt has at most as many tokens as bytes, since each token of a byte-level tokenizer stands for one byte or
    more. The JSON around the texts is longer than what a chat template puts there; `overhead_tokens` is for what a
    server adds besides.
    """
    prompt = {name: body[name] for name in ("messages", "tools") if name in body}
    prompt_tokens = len(json.dumps(prompt, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    prompt_tokens += settings.overhead_tokens
    dearest = price if price.cached_input is None or price.cached_input <= price.input else _without_cache(price)
    usage = Usage(prompt_tokens, int(body[settings.token_limit]))
    return Amount(cost(dearest, usage, in_batch=in_batch), usage.tokens)


def microdollars(dollars: Decimal) -> int:
    """An amount of dollars in millionths, rounded down: a budget."""
    return int(dollars * 1_000_000)


def _without_cache(price: TokenPrice) -> TokenPrice:
    """The price if every token were written to a cache that costs more than none."""
    assert price.cached_input is not None
    return price.model_copy(update={"input": price.cached_input, "cached_input": None})


def _rounded_up(exact: Decimal) -> int:
    return int(exact.to_integral_value(ROUND_CEILING))
