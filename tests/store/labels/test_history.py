"""The history of labels."""


def test_a_label_change_keeps_the_old_answer_with_who_and_why(filled, clock):
    assert filled.labels.change("p1", " 7 ", by="ann", reason="a slip of the pen")
    assert not filled.labels.change("p1", "7", by="bob", reason="again")
    clock.now_s += 5
    filled.labels.change("p1", "8", by="audit", reason="8 of 8 attempts")
    assert filled.problems.get("p1").answer == "8"
    history = [(c.old_answer, c.new_answer, c.changed_by, c.reason) for c in filled.labels.history("p1")]
    assert history == [("1", "7", "ann", "a slip of the pen"), ("7", "8", "audit", "8 of 8 attempts")]
    assert [c.changed_at for c in filled.labels.history("p1")] == [clock.now_s - 5, clock.now_s]
