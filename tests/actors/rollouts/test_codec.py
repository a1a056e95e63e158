from copy import deepcopy
from typing import Any

import pytest

from actors.formats import FORMATS, SolutionFormat, get_format
from actors.rollouts.codec import Codec
from store.records import Segment, SegmentKind

QUESTION = "What is 6 * 7?"
every_format = pytest.mark.parametrize("fmt", FORMATS.values(), ids=FORMATS)


def turns_of(fmt: SolutionFormat) -> list[tuple[str, str | None]]:
    return [
        ("Multiply.\n" + fmt.code_block("print(6 * 7)"), "42"),
        (fmt.code_block("1/0"), "ZeroDivisionError: division by zero"),
        ("So " + fmt.write_answer("42"), None),
    ]


@every_format
def test_pieces_are_tokenised_separately_and_joined_as_ids(tokenizer: Any, fmt: SolutionFormat) -> None:
    codec = Codec(tokenizer, fmt)
    pieces = [piece for text, shown in turns_of(fmt) for piece in (text, fmt.output(shown) if shown else None) if piece]
    separate = [token for piece in pieces for token in tokenizer.encode(piece, add_special_tokens=False)]
    encoded = codec.solution(QUESTION, turns_of(fmt))
    assert encoded.token_ids == (*separate, tokenizer.eos_token_id)
    assert encoded.prompt_ids == tuple(tokenizer.encode(fmt.prompt(QUESTION), add_special_tokens=False))


@every_format
def test_the_mask_is_true_only_on_the_policys_text_and_its_end_token(tokenizer: Any, fmt: SolutionFormat) -> None:
    codec = Codec(tokenizer, fmt)
    encoded = codec.solution(QUESTION, turns_of(fmt))
    expected: list[bool] = []
    for text, shown in turns_of(fmt):
        expected += [True] * len(codec.text(text))
        expected += [False] * (len(codec.output(shown)) if shown is not None else 0)
    assert encoded.model_mask == (*expected, True)
    written = [token for token, own in zip(encoded.token_ids, encoded.model_mask, strict=True) if own]
    assert codec.decode(written) == "".join(text for text, _ in turns_of(fmt))


def test_tokens_do_not_merge_across_turns(tokenizer: Any) -> None:
    codec = Codec(tokenizer, get_format("tir"))
    block = codec.format.code_block("print(1)")
    encoded = codec.solution(QUESTION, [(block, "1"), ("\nSo \\boxed{1}", None)])
    whole = codec.text(block + codec.format.output("1") + "\nSo \\boxed{1}")
    assert encoded.token_ids[:-1] == (*codec.text(block), *codec.output("1"), *codec.text("\nSo \\boxed{1}"))
    assert codec.decode(encoded.token_ids) == codec.decode(whole)


def test_segments_are_in_order_with_one_answer(codec: Codec) -> None:
    encoded = codec.solution(QUESTION, turns_of(codec.format))
    assert encoded.segments == (
        Segment(SegmentKind.TEXT, "Multiply.\n"),
        Segment(SegmentKind.CODE, "print(6 * 7)"),
        Segment(SegmentKind.OUTPUT, "42"),
        Segment(SegmentKind.CODE, "1/0"),
        Segment(SegmentKind.OUTPUT, "ZeroDivisionError: division by zero"),
        Segment(SegmentKind.TEXT, "So \\boxed{42}"),
        Segment(SegmentKind.ANSWER, "42"),
    )


@pytest.mark.parametrize("text", ["x = [1 , 2]\n\ta != b . c", "ü — 漢字 🎲 \\frac{1}{2}", "  \n\n ", ""])
def test_text_survives_encoding_and_decoding(codec: Codec, text: str) -> None:
    assert codec.decode(codec.text(text)) == text


def test_names_of_special_tokens_in_a_text_are_plain_text(codec: Codec) -> None:
    ids = codec.output("<eos><bos>")
    assert codec.eos_id not in ids
    assert codec.decode(ids) == codec.format.output("<eos><bos>")


@pytest.mark.parametrize("shown", ["42", "4" * 500])
def test_an_output_has_the_same_tokens_each_time(codec: Codec, shown: str) -> None:
    ids = codec.output(shown)
    assert ids == codec.output(shown) == codec.text(codec.format.output(shown))


def test_special_tokens_are_not_in_decoded_text(codec: Codec) -> None:
    assert codec.decode((*codec.text("done"), codec.eos_id)) == "done"


@every_format
def test_a_chat_template_is_used_if_there_is_one(chat_tokenizer: Any, fmt: SolutionFormat) -> None:
    codec = Codec(chat_tokenizer, fmt)
    prompt = codec.prompt(f"  {QUESTION}\n")
    assert all(type(token) is int for token in prompt)
    assert codec.decode(prompt) == f"[system] {fmt.system}\n[user] {QUESTION}\n[assistant] "


def test_a_codec_is_loaded_from_a_policys_folder(tokenizer: Any, codec: Codec, tmp_path: Any) -> None:
    tokenizer.save_pretrained(tmp_path)
    loaded = Codec.from_folder(tmp_path, codec.format)
    assert loaded.eos_id == codec.eos_id
    assert loaded.solution(QUESTION, turns_of(codec.format)) == codec.solution(QUESTION, turns_of(codec.format))


def test_a_prompt_begins_with_the_begin_token_if_the_tokenizer_adds_one(tokenizer: Any) -> None:
    from tokenizers.processors import TemplateProcessing

    plain = Codec(tokenizer, get_format("tir")).prompt("What is 1 + 1?")
    tokenizer = deepcopy(tokenizer)  # the fixture is shared
    begin = (tokenizer.bos_token, tokenizer.bos_token_id)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single=f"{begin[0]} $A", special_tokens=[begin])
    codec = Codec(tokenizer, get_format("tir"))
    assert codec.prompt("What is 1 + 1?") == (begin[1], *plain)
    assert codec.output("2") == Codec(tokenizer, get_format("tir")).text("```output\n2\n```\n")
    assert begin[1] not in codec.output("2")
