# SPDX-License-Identifier: GPL-2.0-or-later
"""What entries of "allow" of EtherNet/IP permit, by trying every request of a small domain: written from the description
of rule documents, apart from the program's own code. Entries to compare are made here at random."""
import itertools
import re

ROUTES = ("", "1/0", "1/1")  # the first: the device itself
VALUES = (0, 0.5, 1, 1.5, 2, "text")  # every limit, and what lies between two
INDEXES = range(4)
PATHS = (("identity",), (200,), (200, "identity"), ("identity", 200), (200, 201, "identity"))  # classes
OTHER = "other"  # a name that no entry writes
ENDLESS = "endless"  # instead of how many elements: a structure, whose end nobody can tell


def inside(written, number):
    return written == "all" or any(a <= number <= b for a, b in ranges(written))


def ranges(written):
    for item in written if isinstance(written, list) else [written]:
        first, _, last = str(item).partition("-")
        yield int(first), int(last or first)


# ---- tags: a request is a path of (name, indexes) and how many elements ----

def paths():
    for name in ("a", "b", "c", OTHER):
        yield ((name, ()),)
    yield (("a", (1,)),)
    yield (("a", (1,)), ("x", ()))
    yield (("c", ()), ("x", ()))
    for name in ("a", "b", OTHER):
        for member in ("x", "y", OTHER):
            yield ((name, ()), (member, ()))
        yield ((name, ()), ("x", ()), (OTHER, ()))
    for i in INDEXES:
        yield (("c", (i,)),)
        yield (("c", (i,)), ("x", ()))
        yield (("c", (i,)), (OTHER, ()))
        for k in range(2):
            yield (("c", (k,)), ("e", (i,)))
            yield (("d", (k, i)),)


TAG_REQUESTS = [(path, count) for path in paths()
                for count in (*(range(1, 6) if path[-1][1] or path[-1][0] == "c" else (1,)), ENDLESS)]


def pattern(text):
    rest = text == "*" or text.endswith(".*")
    parts = [] if text == "*" else text.removesuffix(".*").split(".")
    return [(m[1].lower(), list(ranges(m[2].split(","))) if m[2] else [])
            for m in (re.fullmatch(r"(\w+)(?:\[(.*)\])?", part) for part in parts)], rest


def tag_fits(text, path, count):
    parts, rest = pattern(text)
    if len(path) < len(parts) if rest else len(path) != len(parts):
        return False
    if count == ENDLESS:
        if any(dimensions for _, dimensions in parts):
            return False
        count = 1
    for k, (name, dimensions) in enumerate(parts):
        # without an index in the entry: all elements; without one in the request: from the first on
        indexes = path[k][1] or (0,) * len(dimensions)
        if path[k][0] != name or dimensions and len(indexes) != len(dimensions):
            return False
        for d, index in enumerate(indexes if dimensions else ()):
            run = count if k == len(path) - 1 and d == len(dimensions) - 1 else 1
            if not dimensions[d][0] <= index or not index + run - 1 <= dimensions[d][1]:
                return False
    return True


def value_fits(values, value):
    if value == "text":
        return False
    return value in values["one_of"] if "one_of" in values else values["min"] <= value <= values["max"]


# ---- every kind: its requests, and whether one fits an entry ----

def written():
    for path, count in TAG_REQUESTS:
        if path[0][0] not in "ac" or len(path) > 1 and path[1][1]:
            continue
        if count == ENDLESS:
            yield path, count, ("text",)
            continue
        if count > 4:
            continue
        # how many elements "a" has is not known
        for n in (count,) if path[-1][1] or path[-1][0] == "c" else (1, 2, 3):
            for values in itertools.product(VALUES, repeat=n):
                yield path, n, values


def connections():
    for assemblies in itertools.chain.from_iterable(itertools.combinations(range(1, 5), n) for n in (1, 2, 3)):
        for rpi in (1, 5, 10, 20):
            yield assemblies, rpi


REQUESTS = {
    "read-tags": TAG_REQUESTS,
    "write-tags": list(written()),
    "browse-tags": [()],
    "list-identity": [()],
    "pccc": [(what, name, first, first + n - 1) for what in ("read", "write") for name in ("N7", "N9", "F8")
             for first in range(4) for n in (1, 2, 3, 4)],
    "io": [(kind, *c) for kind in ("listen-only", "input-only") for c in connections()],
    "get-attribute-single": [(c, i, (a,)) for c in ("identity", 200) for i in range(3) for a in range(1, 5)],
    "get-attribute-list": [(c, i, a) for c in ("identity", 200) for i in range(3)
                           for n in (1, 2, 3) for a in itertools.combinations(range(1, 5), n)],
    "reset": [("identity", i, ()) for i in range(3)],
    "get-attributes-all": [(p, i, ()) for p in PATHS for i in itertools.product(range(3), repeat=len(p))],
}


def kind(entry):
    return entry["service"] if "service" in entry else next(k for k in entry if k in REQUESTS)


def fits(entry, request):
    name = kind(entry)
    if name in ("read-tags", "write-tags"):
        path, count, *values = request
        return (any(tag_fits(tag, path, count) for tag in entry[name]) and
                (not values or "values" not in entry or all(value_fits(entry["values"], v) for v in values[0])))
    if name == "pccc":
        what, file, first, last = request
        return what == entry["pccc"] and any(
            f.partition(":")[0].upper() == file and (":" not in f or any(a <= first and last <= b for a, b in
                                                                         ranges(f.partition(":")[2])))
            for f in entry["files"])
    if name == "io":
        what, assemblies, rpi = request
        return (what == entry["io"] and all(inside(entry["assemblies"], a) for a in assemblies) and
                rpi >= entry.get("min_rpi_ms", 0))
    if "service" in entry:
        class_, instance, attributes = request
        if name == "get-attributes-all":
            objects = entry.get("path", [entry])
            return (class_ == tuple(o["class"] for o in objects) and
                    all(inside(o["instance"], i) for o, i in zip(objects, instance)))
        return (class_ == entry["class"] and inside(entry["instance"], instance) and
                all(inside(entry.get("attributes", "all"), a) for a in attributes))
    return True


def permitted(entries, route=None):
    """Everything of the domain that one of the entries permits: {(kind, route, request)}."""
    return {(kind(e), r, q) for e in entries for q in REQUESTS[kind(e)] if fits(e, q)
            for r in (("-",) if kind(e) == "list-identity" else e.get("route", route or ROUTES[:2]))}


# ---- at random ----

TAGS = ("a", "A", "b", "c", "c.x", "a[1]", "a[1].x",
        "a.x", "a.X", "a.y", "b.x", "a.*", "b.*", "*", "a.x.*", "c[0-3].*", "c[0-3].x", "c[1].x",
        "c[0-1].e[0-3]", "c[0].e[0-2]", "c[1].e[1-3]", "d[0-1,0-3]", "d[0,0-2]", "d[1,1-3]")


def random_range(r, least=0, most=3):
    first = r.randint(least, most)
    last = r.randint(first, most)
    return first if first == last and r.random() < 0.5 else f"{first}-{last}"


def random_tag(r):
    return f"c[{random_range(r)}]" if r.random() < 0.4 else r.choice(TAGS)


def random_values(r):
    if r.random() < 0.3:
        return {}
    return {"values": r.choice(({"min": 0, "max": 2}, {"min": 1, "max": 2}, {"min": 0, "max": 1}, {"one_of": [0, 1, 2]},
                                {"one_of": [0, 2]}, {"one_of": [2, 1]}))}


def random_entry(r, name=None):
    name = name or r.choice(tuple(REQUESTS))
    entry = random_kind(r, name)
    if name != "list-identity" and r.random() < 0.3:
        entry["route"] = r.choice((["1/0"], ["1/1"], ["1/1", "1/0"]))
    return entry


def random_kind(r, name):
    if name == "read-tags":
        return {name: [random_tag(r) for _ in range(r.randint(1, 3))]}
    if name == "write-tags":
        return {name: [r.choice(("a", "a.x", "a.*", "c", f"c[{random_range(r)}]")) for _ in range(r.randint(1, 2))],
                **random_values(r)}
    if name in ("browse-tags", "list-identity"):
        return {name: True}
    if name == "pccc":
        return {name: r.choice(("read", "write")), "files": [
            r.choice((f"N7:{random_range(r)}", "n9", f"F8:{random_range(r)}", "F8")) for _ in range(r.randint(1, 3))]}
    if name == "io":
        entry = {name: r.choice(("listen-only", "input-only")),
                 "assemblies": [random_range(r, 1, 4) for _ in range(r.randint(1, 2))]}
        return {**entry, "min_rpi_ms": r.choice((5, 10))} if r.random() < 0.6 else entry
    if name == "reset":
        return {"service": name, "class": "identity", "instance": random_range(r, 0, 2)}
    if name == "get-attributes-all":
        objects = [{"class": c, "instance": [random_range(r, 0, 2) for _ in range(r.randint(1, 2))]}
                   for c in r.choice(PATHS)]
        return {"service": name, **(objects[0] if len(objects) == 1 else {"path": objects})}
    return {"service": name, "class": r.choice(("identity", 200)), "instance": random_range(r, 0, 2),
            "attributes": [random_range(r, 1, 4) for _ in range(r.randint(1, 2))]}


def split(r, entry):
    """The same in two entries, where that is possible."""
    for name in ("read-tags", "files"):
        if len(entry.get(name, ())) > 1:
            return [{**entry, name: entry[name][:1]}, {**entry, name: entry[name][1:]}]
    return [entry]
