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
    """Every (member, its schema) of the objects in a schema; conditions only narrow them."""
    if isinstance(node, dict):
        for name, member in node.get("properties", {}).items():
            found.append((name, member))
        for key, value in node.items():
            if key not in ("allOf", "oneOf", "if"):
                members(value, found)
    elif isinstance(node, list):
        for value in node:
            members(value, found)
    return found


def enums(kind, member):
    found = []
    for name, node in members(schema(kind), []):
        if name == member:
            for part in (node, node.get("items", {})):
                found += [e["enum"] for e in [part, *part.get("oneOf", part.get("anyOf", []))] if "enum" in e]
    return found


class Schemas(unittest.TestCase):
    def test_words(self):
        pairs = {("site", "side"): "sides", ("site", "overdue"): "overdue", ("assets", "role"): "roles",
                 ("rules", "mode"): "modes", ("rules", "on_violation"): "violations",
                 ("site", "on_violation"): "violations", ("rules", "if_inspector_down"): "fallbacks",
                 ("rules", "days"): "weekdays", ("rules", "type"): "value_types",
                 ("profiles", "word_order"): "word_orders", ("rules", "quirks"): "quirks",
                 ("site", "transport"): "transports", ("rules", "io"): "io_kinds",
                 ("site", "ethertypes"): "ethertypes"}
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
        words = re.findall(r'\{ "([a-z-]+)", \w+, \w+, \w+, (\w+)', rows)
        self.assertEqual(enums("rules", "protocol"), [[name for name, available in words if available == "true"]])

    def test_cip(self):
        source = (ROOT / "src/protocol/cip.c").read_text()
        rows = {name: re.search(r"%s\[\] = \{(.*?)\n\};" % name, source, re.S)[1]
                for name in ("cip_classes", "cip_services", "cip_attributes")}
        classes = re.findall(r'"([a-z0-9-]+)"', rows["cip_classes"])
        services = [name for access, name in
                    re.findall(r'\w+, \w+, (\w+), \w+, \w+, \w+,\s+"([a-z-]+)"', rows["cip_services"])
                    if access != "CIP_CARRIER"]
        attributes = re.findall(r'"([a-z0-9-]+)"', rows["cip_attributes"])
        self.assertGreater(min(len(classes), len(services), len(attributes)), 30)
        for kind in ("rules", "profiles"):
            self.assertEqual(classes, schema(kind)["definitions"]["cip_class"]["anyOf"][0]["enum"])
            self.assertIn(list(dict.fromkeys(services)), enums(kind, "service"))
            self.assertIn(["all", *dict.fromkeys(attributes)], enums(kind, "attributes"))

    def test_pccc(self):
        source = (ROOT / "src/protocol/pccc.c").read_text()
        rows = re.search(r"pccc_functions\[\] = \{(.*?)\n\};", source, re.S)[1]
        names = re.findall(r'"([a-z0-9-]+)"', rows)
        self.assertGreater(len(names), 40)
        for kind in ("rules", "profiles"):
            self.assertEqual(enums(kind, "pccc"), [table("pccc"), names])

    def test_cip_tables_are_sorted(self):
        source = (ROOT / "src/protocol/cip.c").read_text().replace("CIP_COMMON", "0")
        for name, keys in (("cip_classes", 1), ("cip_services", 2), ("cip_attributes", 2)):
            rows = re.search(r"%s\[\] = \{(.*?)\n\};" % name, source, re.S)[1]
            found = [tuple(int(n, 0) for n in row.split(", ")[:keys]) for row in re.findall(r"\{ (.*?) \}", rows)]
            self.assertEqual(found, sorted(set(found)), name)

    def test_members(self):
        """What the program binds is what the schemas list."""
        for kind, source, rows in (("rules", "load_rules.c", "rule_rows"), ("rules", "load_modbus.c", "entry_rows"),
                                   ("rules", "load_cip.c", "cip_rows"), ("rules", "load_cip_service.c", "object_rows"),
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
