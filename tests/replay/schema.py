# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-or-later
"""docs/events.schema.json, for tests."""
import json
import pathlib
import re

import jsonschema

FILE = pathlib.Path(__file__).resolve().parent.parent.parent / "docs/events.schema.json"
SCHEMA = json.loads(FILE.read_text())
KINDS = ("trace", "summary", "sockstat", "sofamily", "soprotocol", "socketio", "socksize", "soconnect", "soaccept",
         "conn", "conn_group",
         "soconnlat", "so1stbyte", "sormem", "packets", "packets_summary", "drops", "drop", "http",
         "http_summary", "dns", "dns_summary", "tcpretrans", "tcprtt", "tcpsynbl", "latency",
         "latency_message", "doctor", "list", "describe", "drift", "stats")


def validator(kind=None):
    """Of all lines, or of those of one kind."""
    schema = {**SCHEMA, "oneOf": [{"$ref": f"#/$defs/{kind}"}]} if kind else SCHEMA
    return jsonschema.Draft202012Validator(schema)


def shape(value):
    """What matters to the schema: to look at each of a thousand rows alike would take seconds."""
    if isinstance(value, dict):
        return tuple((key, shape(member)) for key, member in value.items())
    if isinstance(value, list):
        return tuple(map(shape, value))
    if isinstance(value, str):
        return "0x" if re.fullmatch("0x[0-9a-f]+", value) else bool(re.fullmatch(r"[A-Z0-9_|]+", value))
    return type(value), isinstance(value, int) and value < 0


def wrong(kind, rows):
    """What is wrong with the first row that is wrong, else None."""
    validate = validator(kind)
    for row in {(row.get("call"), shape(row)): row for row in rows}.values():
        error = jsonschema.exceptions.best_match(validate.iter_errors(row))
        if error:
            return f"{error.json_path}: {error.message[:400]}\nin {json.dumps(row)}"
    return None
