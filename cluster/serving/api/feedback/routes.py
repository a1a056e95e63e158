"""The routes of feedback: whether completions are collected, and ratings of them."""

from typing import Any

from fastapi import APIRouter

from cluster.serving.api.feedback.collector import Collector
from cluster.serving.api.feedback.request import FeedbackRequest
from cluster.serving.errors import ApiError


def feedback_routes(collector: Collector | None) -> APIRouter:
    """`GET` and `POST /v1/feedback`. Without a collector, ratings are refused."""
    router = APIRouter()

    @router.get("/v1/feedback")
    async def state() -> dict[str, Any]:
        if collector is None:
            return {"object": "feedback", "collecting": False}
        counts = {"stored": collector.stored, "waiting": collector.waiting, "dropped": collector.dropped}
        return {"object": "feedback", "collecting": True, **counts}

    @router.post("/v1/feedback")
    async def rate(request: FeedbackRequest) -> dict[str, Any]:
        if collector is None:
            message = "this server does not collect feedback: `automathes serve --collect` does"
            raise ApiError(404, message, code="not_collecting")
        await collector.rate(request.to_rating())
        return {"object": "feedback", **request.model_dump()}

    return router
