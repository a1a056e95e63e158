"""Settings of reviews by people."""

from pydantic import Field

from store.settings import Settings


class ReviewSettings(Settings):
    """What is put into the queues, and how long a page holds an item.

    `check_share` of the accepted solutions are put into the queue of spot checks. Only the `newest_rollouts` are looked
    at; at most `max_new` are added to a queue at a time, and none once `max_open` are open.

    A page holds its item for `lease_s` after it last reported. A settled item is applied `undo_s` later, so that a
    decision can be taken back until then.
    """

    check_share: float = Field(default=0.01, ge=0, le=1)
    newest_rollouts: int = Field(default=50_000, ge=1)
    max_new: int = Field(default=200, ge=1)
    max_open: int = Field(default=2_000, ge=1)
    lease_s: float = Field(default=180.0, gt=0)
    undo_s: float = Field(default=60.0, ge=0)
