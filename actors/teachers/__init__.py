"""Teachers: they write the demonstrations of a warm start. Begin with `teacher.py`, the interface.

A new teacher is a new file, a settings class with its own `kind` in `actors.settings`, and one line here.
"""

from actors.settings import AnnotationsTeacherSettings, ScriptedTeacherSettings, TeacherSettings
from actors.teachers.annotations import AnnotationsTeacher
from actors.teachers.jsonl import JsonlTeacher
from actors.teachers.scripted import ScriptedTeacher
from actors.teachers.teacher import Teacher
from store.annotation.annotations import Annotations


def make_teacher(settings: TeacherSettings, annotations: Annotations | None = None) -> Teacher:
    """The teacher that the settings describe. One of the kind `annotations` needs those of the run's store."""
    if isinstance(settings, AnnotationsTeacherSettings):
        assert annotations is not None
        return AnnotationsTeacher(settings, annotations)
    if isinstance(settings, ScriptedTeacherSettings):
        return ScriptedTeacher(settings)
    return JsonlTeacher(settings)


__all__ = ["Teacher", "make_teacher"]
