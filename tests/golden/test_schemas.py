#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The schemas offer the same words as the program's tables, and describe everything."""
import json
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORDS = (ROOT / "src/policy/words.c").read_text()
KINDS = ("site", "assets", "profiles", "rules")


def schema(kind):
    return json.loads((ROOT / f"schemas/{kind}.schema.json").read_text())


def table(name):
    body = re.search(r"static const struct word %s\[\] = \{(.*?)\};" % name, WORDS, re.S)[1]
    return re.findall(r'\{ "([^"]+)"', body)


def members(node, found):
    """Every (member, its schema) of the objects in a schema."""
    if isinstance(node, dict):
        for name, member in node.get("properties", {}).items():
            found.append((name, member))
        for value in node.values():
            members(value, found)
    elif isinstance(node, list):
        for value in node:
            members(value, found)
    return found


def enums(kind, member):
    found = []
    for name, node in members(schema(kind), []):
        if name == member:
            found += [e["enum"] for e in [node, node.get("items", {}), *node.get("oneOf", [])] if "enum" in e]
    return found


class Schemas(unittest.TestCase):
    def test_words(self):
        pairs = {("site", "side"): "sides", ("site", "overdue"): "overdue", ("assets", "role"): "roles",
                 ("rules", "mode"): "modes", ("rules", "on_violation"): "violations",
                 ("site", "on_violation"): "violations", ("rules", "if_inspector_down"): "fallbacks",
                 ("rules", "days"): "weekdays", ("rules", "type"): "value_types",
                 ("profiles", "word_order"): "word_orders", ("rules", "quirks"): "quirks",
                 ("site", "transport"): "transports"}
        for (kind, member), name in pairs.items():
            found = enums(kind, member)
            self.assertTrue(found, (kind, member))
            for words in found:
                self.assertEqual(words, table(name), (kind, member))

    def test_functions(self):
        source = (ROOT / "src/protocol/modbus.c").read_text()
        rows = re.search(r"modbus_functions\[\] = \{(.*?)\n\};", source, re.S)[1]
        names = re.findall(r'"([a-z-]+)"', rows)
        self.assertEqual(len(names), 19)
        for kind in ("rules", "profiles"):
            self.assertIn(names, enums(kind, "function"))

    def test_protocols(self):
        rows = re.search(r"protocols\[\] = \{(.*?)\n\};", WORDS, re.S)[1]
        self.assertEqual(enums("rules", "protocol"), [re.findall(r'\{ "([a-z-]+)"', rows)])

    def test_members(self):
        """What the program binds is what the schemas list."""
        for kind, source, rows in (("rules", "load_rules.c", "rule_rows"), ("rules", "load_modbus.c", "entry_rows"),
                                   ("assets", "load_assets.c", "asset_rows"), ("site", "load_site.c", "site_rows"),
                                   ("profiles", "profiles.c", "profile_rows"), ("site", "load_gate.c", "gate_rows")):
            text = (ROOT / "src/policy" / source).read_text()
            body = re.search(r"%s\[\] = \{(.*?)\n\};" % rows, text, re.S)[1]
            bound = set(re.findall(r'\{ "([^"]+)"', body)) | {"note"}
            self.assertIn(bound, [set(o) for o in objects(schema(kind), [])], rows)

    def test_everything_is_described(self):
        for kind in KINDS:
            for name, member in members(schema(kind), []):
                self.assertTrue("$ref" in member or member.get("description"), (kind, name))


def objects(node, found):
    if isinstance(node, dict):
        if "properties" in node:
            found.append(node["properties"])
        for value in node.values():
            objects(value, found)
    elif isinstance(node, list):
        for value in node:
            objects(value, found)
    return found


if __name__ == "__main__":
    unittest.main()
