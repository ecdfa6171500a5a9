#!/usr/bin/env python3
"""Cuts AWS's service models down to the facts that the wire layer needs and writes model/<service>.json.

Run by hand, with botocore installed, when an operation is added to model/operations.txt or AWS changes a model; the
output is committed and reviewed as a diff (one operation or shape a line). Facts only: names, types, required members,
enums, limits, patterns, wire names, error codes and statuses, paginators. No documentation text.

The source is botocore's Apache-2.0 licensed data (see NOTICE).
"""
import json
import os
import pathlib
import sys

import botocore.loaders

MODEL_DIR = pathlib.Path(__file__).resolve().parent.parent / "model"
META_KEYS = ("apiVersion", "protocol", "protocols", "jsonVersion", "targetPrefix", "xmlNamespace", "signingName",
             "endpointPrefix", "awsQueryCompatible")
SHAPE_KEYS = ("required", "enum", "min", "max", "pattern", "flattened", "payload", "sensitive", "locationName",
              "xmlNamespace", "timestampFormat", "union", "fault")
MEMBER_KEYS = ("locationName", "queryName", "location", "flattened", "idempotencyToken", "xmlNamespace", "jsonvalue",
               "xmlAttribute", "timestampFormat")
PAGE_KEYS = ("input_token", "output_token", "limit_key", "result_key", "more_results")


def read_operations():
    """model/operations.txt -> {service: [operation] or None for all of them}."""
    wanted = {}
    for line in (MODEL_DIR / "operations.txt").read_text().splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        service, names = words[0], words[1:]
        if names == ["*"]:
            wanted[service] = None
        else:
            wanted.setdefault(service, []).extend(names)
    return wanted


def reference(ref):
    """A member's reference to its shape: just the shape's name, or [name, wire facts]."""
    facts = {k: ref[k] for k in MEMBER_KEYS if k in ref}
    return [ref["shape"], facts] if facts else ref["shape"]


def compact_shape(name, shape):
    out = {"t": shape["type"]}
    out.update({k: shape[k] for k in SHAPE_KEYS if k in shape})
    if shape.get("exception") or "error" in shape:
        out["error"] = {"code": name, **shape.get("error", {})}
    if shape["type"] == "structure":
        out["m"] = {k: reference(v) for k, v in shape["members"].items()}
    elif shape["type"] == "list":
        out["e"] = reference(shape["member"])
    elif shape["type"] == "map":
        out["k"], out["v"] = reference(shape["key"]), reference(shape["value"])
    return out


def references(shape):
    if shape["type"] == "structure":
        return [m["shape"] for m in shape["members"].values()]
    return [shape[k]["shape"] for k in ("member", "key", "value") if k in shape]


def compact_operation(op, page):
    out = {"http": [op["http"]["method"], op["http"]["requestUri"]]}
    if "responseCode" in op["http"]:
        out["http"].append(op["http"]["responseCode"])
    if op.get("authtype") == "none":
        out["unsigned"] = True
    if "input" in op:
        out["in"] = op["input"]["shape"]
        out.update({k: op["input"][k] for k in ("locationName", "xmlNamespace") if k in op["input"]})
    if "output" in op:
        out["out"] = op["output"]["shape"]
        if "resultWrapper" in op["output"]:
            out["wrap"] = op["output"]["resultWrapper"]
    out["err"] = [e["shape"] for e in op.get("errors", [])]
    if page:
        out["page"] = {k: page[k] for k in PAGE_KEYS if k in page}
    return out


def compact_service(loader, service, names):
    version = loader.determine_latest_version(service, "service-2")
    model = loader.load_data(os.path.join(service, version, "service-2"))
    pages = loader.load_service_model(service, "paginators-1", version)["pagination"]
    names = list(model["operations"]) if names is None else names
    unknown = [n for n in names if n not in model["operations"]]
    if unknown:
        sys.exit(f"{service} has no operation {', '.join(unknown)}: correct model/operations.txt or update botocore")
    operations = {n: compact_operation(model["operations"][n], pages.get(n)) for n in sorted(names)}
    todo = [s for op in operations.values() for s in [op.get("in"), op.get("out"), *op["err"]] if s]
    shapes = {}
    while todo:
        name = todo.pop()
        if name not in shapes:
            shapes[name] = compact_shape(name, model["shapes"][name])
            todo.extend(references(model["shapes"][name]))
    meta = {k: model["metadata"][k] for k in META_KEYS if k in model["metadata"]}
    return {"service": service, "meta": meta, "ops": operations, "shapes": dict(sorted(shapes.items()))}


def write_service(model):
    def lines(items):
        return ",\n".join(f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in items.items())
    text = (f'{{"service":{json.dumps(model["service"])},\n"meta":{json.dumps(model["meta"])},\n'
            f'"ops":{{\n{lines(model["ops"])}\n}},"shapes":{{\n{lines(model["shapes"])}\n}}}}\n')
    (MODEL_DIR / f'{model["service"]}.json').write_text(text)


def main():
    loader = botocore.loaders.Loader()
    for service, names in read_operations().items():
        model = compact_service(loader, service, names)
        write_service(model)
        print(f"{service:16s} {len(model['ops']):4d} operations {len(model['shapes']):5d} shapes")


main()
