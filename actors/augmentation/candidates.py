"""A candidate: a new question with its parent, its label, and the method that made it."""

from store.problems.sources.rows.splitting import generate_id, question_key
from store.records import Problem, Split


def candidate(parent: Problem, question: str, answer: str, method: str) -> Problem:
    """The candidate of a parent. Its id follows from its text: made again, it is the same."""
    source, key = f"{parent.source}+{method}", question_key(question)
    return Problem(
        id=generate_id(source, key),
        question=question,
        answer=answer,
        source=source,
        split=Split.CANDIDATE,
        split_key=key,
        subject=parent.subject,
        level=parent.level,
        template_twins=parent.template_twins,
        parent_key=parent.split_key,
        made_by=method,
    )
