# SPDX-License-Identifier: GPL-2.0-or-later
"""What entries of "allow" permit, by trying every request of a small domain: written from the description of rule
documents, apart from the program's own code. Entries to compare are made here at random."""
import itertools

UNITS, ADDRESSES = range(5), range(14)
REGISTERS = (0, 1, 2, 3, 4, 5, 32767, 32768, 65533, 65534, 65535)
FEW_VALUES = (0, 1, 2, 4)


def ranges(written):
    for item in written if isinstance(written, list) else [written]:
        first, _, last = str(item).partition("-")
        yield int(first), int(last or first)


def inside(written, first, count):
    return any(a <= first and first + count - 1 <= b for a, b in ranges(written))


def units(entry):
    unit = entry["unit"]
    return set(UNITS) if unit == "any" else {unit} if isinstance(unit, int) else set(unit)


def value_fits(values, value):
    if values.get("type") == "int16" and value > 32767:
        value -= 65536
    if "one_of" in values:
        return value in values["one_of"]
    return values["min"] <= value <= values["max"]


def values_fit(part, values):
    return "values" not in part or all(value_fits(part["values"], v) for v in values)


def requests_of(name):
    """Every request of a function but for its unit: tuples of address, quantity, values, ..."""
    if name in ("read-coils", "read-holding-registers"):
        return [(a, n) for a in ADDRESSES for n in range(1, 7)]
    if name == "write-single-register":
        return [(a, (v,)) for a in ADDRESSES for v in REGISTERS]
    if name == "write-multiple-registers":
        return [(a, vs) for a in ADDRESSES for n in (1, 2, 3) for vs in itertools.product(FEW_VALUES, repeat=n)]
    if name == "mask-write-register":
        return [(a,) for a in ADDRESSES]
    if name == "read-write-multiple-registers":
        return [(a, n, w, m) for a in range(8) for n in (1, 2, 3) for w in range(8) for m in (1, 2)]
    if name == "diagnostics":
        return [(s,) for s in (0, 1, 2, 10)]
    if name == "read-device-identification":
        return [(c, o) for c in (1, 2, 3, 4) for o in (0, 1, 2, 255)]
    return [()]


def fits(entry, request):
    """Does a request of the entry's own function fit it, whatever the unit?"""
    name, most = entry["function"], entry.get("max_quantity", 65536)
    if name in ("read-coils", "read-holding-registers"):
        a, n = request
        return n <= most and inside(entry["addresses"], a, n)
    if name in ("write-single-register", "write-multiple-registers"):
        a, values = request
        return len(values) <= most and inside(entry["addresses"], a, len(values)) and values_fit(entry, values)
    if name == "mask-write-register":
        return inside(entry["addresses"], request[0], 1)
    if name == "read-write-multiple-registers":
        a, n, w, m = request
        return inside(entry["read"]["addresses"], a, n) and inside(entry["write"]["addresses"], w, m)
    if name == "diagnostics":
        return request[0] in entry["subfunctions"]
    if name == "read-device-identification":
        return (request[0] in entry.get("read_codes", (1, 2, 3, 4)) and
                inside(entry.get("object_ids", "0-255"), request[1], 1))
    return True


def permitted(entries):
    """Everything of the domain that one of the entries permits: {(function, unit, request)}."""
    return {(e["function"], unit, q) for e in entries for q in requests_of(e["function"]) if fits(e, q)
            for unit in units(e)}


NAMES = ("read-coils", "read-holding-registers", "write-single-register", "write-multiple-registers",
         "mask-write-register", "read-write-multiple-registers", "diagnostics", "read-device-identification",
         "report-server-id")


def random_ranges(r, top=12, most=3):
    return [r.choice((a, f"{a}-{a + r.randrange(6)}"))
            for a in (r.randrange(top) for _ in range(r.randint(1, most)))]


def random_entry(r, name=None):
    name = name or r.choice(NAMES)
    entry = {"function": name, "unit": r.choice((1, 2, [1, 3], [0, 2], "any"))}
    if name == "read-write-multiple-registers":
        return {**entry, "read": {"addresses": random_ranges(r, 6, 2)},
                "write": {"addresses": random_ranges(r, 6, 2)}}
    if name == "diagnostics":
        return {**entry, "subfunctions": r.sample((0, 1, 2, 10), r.randint(1, 3))}
    if name == "read-device-identification":
        return {**entry, **r.choice(({}, {"read_codes": [1, 2]}, {"object_ids": ["0-1"]},
                                     {"read_codes": [2, 4], "object_ids": [0, 255]}))}
    if name == "report-server-id":
        return entry
    if name == "write-multiple-registers":
        # one range with room for three: how many fit and which values do not depend on each other then
        first = r.randrange(10)
        entry["addresses"] = [f"{first}-{first + r.randint(2, 3)}"]
        if r.random() < 0.7:
            low = r.choice(FEW_VALUES)
            entry["values"] = r.choice(({"min": low, "max": r.choice((4, 9))}, {"one_of": [0, 2]}))
        return entry
    entry["addresses"] = random_ranges(r)
    if name == "write-single-register" and r.random() < 0.7:
        low = r.randrange(-3, 4)
        entry["values"] = r.choice(({"min": max(low, 0), "max": r.randint(3, 5)}, {"one_of": [1, 3]},
                                    {"type": "int16", "min": low, "max": r.randint(3, 5)}))
    if name in ("read-coils", "read-holding-registers") and r.random() < 0.3:
        entry["max_quantity"] = r.randint(1, 5)
    return entry
