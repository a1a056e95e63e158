"""Tokens of rollouts as text, with the tokenizer in the folder of a policy of the run."""

import logging
import threading
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from cluster.config.run_folder import RunFolder
from eval.browser.records import Piece
from store.artifacts.errors import StorageError
from store.artifacts.folder import folder_at
from store.records import Policy, PolicySpan, Rollout
from store.store import Store

log = logging.getLogger(__name__)

_FILE = "tokenizer.json"
_MOST_TOKENS = 20_000
_CONTEXT = 6  # tokens before a piece that may change how it is written, such as by a space
_LONGEST_PIECE = 8  # tokens; a character has at most four bytes, each of which may be a token
_INCOMPLETE = "\N{REPLACEMENT CHARACTER}"


class TokensUnavailableError(Exception):
    """The tokens of a rollout cannot be shown. The message says why."""


class TokenTexts:
    """Decodes rollouts of a run. All its policies have the tokenizer of the base, so that of any of them will do."""

    def __init__(self, store: Store, folder: RunFolder) -> None:
        self._store = store
        self._folder = folder
        self._lock = threading.Lock()
        self._tokenizer: Any = None

    def pieces(self, rollout: Rollout) -> list[Piece]:
        """The tokens after the prompt, in order.

        Raises:
            TokensUnavailableError: no policy wrote it, it is very long, or no folder with a tokenizer is left.
            StoreError: the store cannot be read.
        """
        if not rollout.spans:
            raise TokensUnavailableError("no policy sampled it")
        if len(rollout.token_ids) > _MOST_TOKENS:
            raise TokensUnavailableError(f"it has {len(rollout.token_ids):,} tokens, more than {_MOST_TOKENS:,}")
        return list(decode(self._loaded(), rollout))

    def _loaded(self) -> Any:
        with self._lock:
            if self._tokenizer is None:
                self._tokenizer = self._load()
            return self._tokenizer

    def _load(self) -> Any:
        from tokenizers import Tokenizer

        for policy in reversed(self._store.policies.all()):
            data = self._read(policy)
            if data is not None:
                return Tokenizer.from_str(data.decode("utf-8"))
        raise TokensUnavailableError(f"no folder of a policy with a {_FILE} is left to decode its tokens with")

    def _read(self, policy: Policy) -> bytes | None:
        try:
            place = None if policy.is_pruned else self._folder.find_policy(policy)
            return None if place is None else folder_at(place).read(_FILE)
        except FileNotFoundError:
            return None
        except (StorageError, OSError) as error:
            log.warning("the tokenizer of policy %s cannot be read: %s", policy.version, error)
            return None


def decode(tokenizer: Any, rollout: Rollout) -> Iterator[Piece]:
    """The tokens of a rollout as pieces of whole characters. None spans two policies, or the policy and an output.

    Args:
        tokenizer: A `tokenizers.Tokenizer`.
        rollout: Its log-probabilities may be missing.
    """
    origins = zip(rollout.model_mask, _versions(len(rollout.token_ids), rollout.spans), strict=True)
    ids: list[int] = list(rollout.token_ids)
    position = 0
    for (by_policy, version), run in groupby(origins):
        end = position + sum(1 for _ in run)
        for first, last, text in _texts(tokenizer, ids, position, end):
            logprob = None
            if by_policy and rollout.logprobs is not None:
                logprob = sum(rollout.logprobs[first:last])
            is_special = last - first == 1 and not tokenizer.decode(ids[first:last], skip_special_tokens=True)
            yield Piece(text, first, by_policy, logprob, version if by_policy else None, is_special)
        position = end


def _versions(num_tokens: int, spans: Sequence[PolicySpan]) -> list[int | None]:
    versions: list[int | None] = [None] * num_tokens
    for span in spans:
        versions[span.start : span.end] = [span.version] * (span.end - span.start)
    return versions


def _texts(tokenizer: Any, ids: Sequence[int], start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """(First, end, text) of the pieces of `ids[start:end]`: each as short as whole characters allow."""
    first = start
    for last in range(start + 1, end + 1):
        before = _decoded(tokenizer, ids[max(start, first - _CONTEXT) : first])
        text = _decoded(tokenizer, ids[max(start, first - _CONTEXT) : last])[len(before) :]
        is_whole = text and not text.endswith(_INCOMPLETE)
        if is_whole or last == end or last - first >= _LONGEST_PIECE:
            yield first, last, text
            first = last


def _decoded(tokenizer: Any, ids: Sequence[int]) -> str:
    return str(tokenizer.decode(list(ids), skip_special_tokens=False))
