"""Completions that are collected once they are whole."""

from dataclasses import replace

from actors.rollouts.rollout import last_version
from cluster.serving.api.feedback.collector import Collector
from cluster.serving.api.replies.chat_reply import ChatReply, finish_reason
from cluster.serving.solving.solver import Solution
from store.records import CollectedAnswer, Completion


def collected(reply: ChatReply, collector: Collector) -> ChatReply:
    """The reply, whose completion is offered to the collector when it ends. One that is cancelled or fails is not."""
    return replace(reply, on_made=lambda solutions: collector.offer(to_completion(reply, solutions)))


def to_completion(reply: ChatReply, solutions: list[Solution]) -> Completion:
    """What is stored of a chat completion: neither `user` and `metadata`, nor anything of the connection."""
    request, head = reply.request, reply.head.fields()
    first = reply.texts[0].sampling
    sampling = {
        "temperature": first.temperature,
        "top_p": first.top_p,
        "n": request.n,
        "seed": request.seed,
        "stop": list(request.stop),
        "max_tokens": request.limit[1] if request.limit is not None else None,
    }
    return Completion(
        id=head["id"],
        model=head["model"],
        messages=tuple({"role": message.role, "content": message.content} for message in request.messages),
        sampling=sampling,
        created_at=float(head["created"]),
        answers=tuple(_answer(solution) for solution in solutions),
    )


def _answer(solution: Solution) -> CollectedAnswer:
    version = last_version(solution.policy_versions)
    return CollectedAnswer(solution.content, solution.answer, finish_reason(solution), version)
