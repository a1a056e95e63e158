"""Teachers: they write the demonstrations of a warm start. Begin with `teacher.py`, the interface.

A new teacher is a new file, a settings class with its own `kind` in `actors.settings`, and one line here.
"""

from actors.settings import ScriptedTeacherSettings, TeacherSettings
from actors.teachers.jsonl import JsonlTeacher
from actors.teachers.scripted import ScriptedTeacher
from actors.teachers.teacher import Teacher


def make_teacher(settings: TeacherSettings) -> Teacher:
    """The teacher that the settings describe."""
    if isinstance(settings, ScriptedTeacherSettings):
        return ScriptedTeacher(settings)
    return JsonlTeacher(settings)


__all__ = ["Teacher", "make_teacher"]
