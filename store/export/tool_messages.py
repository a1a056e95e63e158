"""Messages in which code is calls of a tool, and what it printed are messages of their own."""

import json

import pyarrow as pa

from store.export.rows import MESSAGE

_CALL = pa.struct(
    [
        ("id", pa.string()),
        ("type", pa.string()),
        ("function", pa.struct([("name", pa.string()), ("arguments", pa.struct([("code", pa.string())]))])),
    ]
)

TOOL_MESSAGE = pa.struct(
    [*MESSAGE, ("name", pa.string()), ("tool_calls", pa.list_(_CALL)), ("tool_call_id", pa.string())]
)
"""A message of a conversation with a tool. What a message does not have is null."""

TOOLS = json.dumps(
    [
        {
            "type": "function",
            "function": {
                "name": "python",
                "description": "Run Python code in a session that keeps its variables, and return what it printed.",
                "parameters": {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]},
            },
        }
    ]
)
"""The description of the tool, as chat templates take it. The server calls it by the same names."""
