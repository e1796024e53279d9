# SPDX-License-Identifier: GPL-2.0-or-later
"""What `nft -j list ruleset` says, made comparable: two tables that mean the same must look the same."""
import ipaddress
import json


def without_handles(thing):
    """Without what differs between two tables that say the same: handles, counts, the order of elements."""
    if isinstance(thing, dict):
        kept = {k: without_handles(v) for k, v in thing.items() if k not in ("handle", "packets", "bytes")}
        if "elem" in kept and isinstance(kept["elem"], list):
            kept["elem"].sort(key=json.dumps)
        return kept
    if isinstance(thing, list):
        return [without_handles(v) for v in thing]
    return thing


def take_queue_rules(objects):
    """Cuts the last statement (queue, xt or drop) from the rules that queue; returns what they were."""
    rules = [o["rule"] for o in objects if o.get("rule", {}).get("chain") == "queues"]
    return [rule["expr"].pop() if len(rule["expr"]) > 1 else None for rule in rules]


def take_quoted_maps(objects):
    """Takes out the maps that nft needs to look up what an error quotes; returns name -> {(numbers): mark}."""
    maps = [o for o in objects if o.get("map", {}).get("name", "").startswith("quoted_")]
    for o in maps:
        objects.remove(o)
    return {m["name"]: {tuple(int(str(n), 0) for n in e[0]["concat"]): e[1] for e in m.get("elem", [])}
            for m in (o["map"] for o in maps)}


def conduit_numbers(objects, name):
    """A map of conduits as take_quoted_maps() returns its own."""
    rows = next(o["map"] for o in objects if o.get("map", {}).get("name") == name)["elem"]
    return {(*(int(ipaddress.ip_address(a)) for a in e[0]["elem"]["val"]["concat"][:2]),
             {"tcp": 6, "udp": 17}[e[0]["elem"]["val"]["concat"][2]], e[0]["elem"]["val"]["concat"][3]): e[1] for e in rows}
