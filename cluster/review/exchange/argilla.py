"""Argilla's records, as `Record.to_dict` of its client (2.x) makes them and `Dataset.records.from_json` reads them.

A record has `fields`, `metadata`, `suggestions` and `responses` by question; a response has a value and the id of a
user. The questions are `verdict` (accept, reject or unsure) and `note`, a text. Ids of users are UUIDs there: those of
our reviewers are made from their names, and others are called by their ids.
"""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from cluster.review.exchange.parsing import BadRecordError, field, in_effect, solution_text, to_verdict
from store.records import ImportedDecision, ReviewedItem, ReviewKind, ReviewState, ReviewVerdict

VERDICT, NOTE, EDITED = "verdict", "note", "edited"
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "automathes:reviewers")
_SUBMITTED = "submitted"


def user_id(reviewer: str) -> str:
    """The id of a reviewer as a user."""
    return str(uuid.uuid5(_NAMESPACE, reviewer))


def to_argilla(reviewed: ReviewedItem) -> dict[str, Any]:
    """The record of an item. An edited solution is a rejection there, with its text as `edited`."""
    item = reviewed.item
    effective = in_effect(reviewed)
    verdicts = [{"value": _choice(one.verdict), "user_id": user_id(one.reviewer)} for one in effective]
    notes = [{"value": one.note, "user_id": user_id(one.reviewer)} for one in effective if one.note]
    edited = [{"value": one.edit.text, "user_id": user_id(one.reviewer)} for one in effective if one.edit]
    return {
        "id": item.key,
        "fields": _fields(reviewed),
        "metadata": {
            "kind": item.kind.value,
            "queue": item.queue.value,
            "reason": item.reason.value,
            "problem": item.problem_id,
            "disagreement": item.disagreement,
            "doubt": item.doubt,
            "value": item.value,
        },
        "suggestions": {},
        "responses": {VERDICT: verdicts, **({NOTE: notes} if notes else {}), **({EDITED: edited} if edited else {})},
        "vectors": {},
        "status": "pending" if item.state is ReviewState.OPEN else "completed",
        "_server_id": None,
    }


def from_argilla(record: Any, reviewers: Mapping[str, str]) -> Iterator[ImportedDecision]:
    """The decisions on a record; drafts and discarded responses are none. Raises `BadRecordError` for no record."""
    key, responses = field(record, "id", str), field(record, "responses", dict, {})
    notes, edits = _texts(responses, NOTE), _texts(responses, EDITED)
    for response in _submitted(responses, VERDICT):
        user, verdict = _user(response), to_verdict(response.get("value"))
        edited = edits.get(user, "") if verdict is ReviewVerdict.REJECT else ""
        if edited.strip():
            verdict = ReviewVerdict.EDIT
        yield ImportedDecision(
            key, reviewers.get(user, user), verdict, notes.get(user, "").strip(), edited if edited.strip() else None
        )


def _texts(responses: dict[str, Any], question: str) -> dict[str, str]:
    """What users wrote as their response to a question, by their ids."""
    texts = {_user(one): one.get("value") or "" for one in _submitted(responses, question)}
    for text in texts.values():
        if not isinstance(text, str):
            raise BadRecordError(f"the response to {question!r} is {str(text)[:80]!r} and should be a text")
    return texts


def _fields(reviewed: ReviewedItem) -> dict[str, str]:
    fields = {"question": reviewed.question, "reference": reviewed.label}
    if reviewed.item.kind is ReviewKind.LABEL:
        return {**fields, "proposed": reviewed.proposed_answer or ""}
    answer = "" if reviewed.rollout is None else reviewed.rollout.answer or ""
    return {**fields, "solution": solution_text(reviewed.rollout) or "", "answer": answer}


def _choice(verdict: ReviewVerdict) -> str:
    return (ReviewVerdict.REJECT if verdict is ReviewVerdict.EDIT else verdict).value


def _submitted(responses: dict[str, Any], question: str) -> Iterator[dict[str, Any]]:
    for response in field(responses, question, list, []):
        if field(response, "status", str, _SUBMITTED) == _SUBMITTED:
            yield response


def _user(response: dict[str, Any]) -> str:
    """The id of the user who responded. Without one, two people could not be told apart."""
    user = response.get("user_id")
    if not isinstance(user, str) or not user.strip() or user == "None":
        raise BadRecordError("a response has no user_id")
    return user
