"""Settings of the store: its URL, storage, problem sources, scheduling, selection of training sets, retention.

Import them from here; the modules divide them by topic.
"""

from store.settings.base import (
    Settings,
)
from store.settings.problem_sources import (
    AnswerForm,
    ArrowSettings,
    Columns,
    CsvSettings,
    FileSettings,
    HuggingFaceSettings,
    JsonlSettings,
    JsonSettings,
    LayoutName,
    ParquetSettings,
    ProblemSourceSettings,
    ReasoningGymSettings,
    SourceSettings,
    TableSettings,
)
from store.settings.selection import (
    OVERSAMPLING,
    PolicyRetentionSettings,
    RetentionSettings,
    SchedulingRule,
    SelectionSettings,
    SupportFilter,
)
from store.settings.storage import (
    StorageSettings,
    StoreSettings,
)

__all__ = [
    "OVERSAMPLING",
    "AnswerForm",
    "ArrowSettings",
    "Columns",
    "CsvSettings",
    "FileSettings",
    "HuggingFaceSettings",
    "JsonSettings",
    "JsonlSettings",
    "LayoutName",
    "ParquetSettings",
    "PolicyRetentionSettings",
    "ProblemSourceSettings",
    "ReasoningGymSettings",
    "RetentionSettings",
    "SchedulingRule",
    "SelectionSettings",
    "Settings",
    "SourceSettings",
    "StorageSettings",
    "StoreSettings",
    "SupportFilter",
    "TableSettings",
]
