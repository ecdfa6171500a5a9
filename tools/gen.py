#!/usr/bin/env python3
"""model/<service>.json -> C++: typed structs (<service>.h) and constant descriptor tables (<service>.cpp).

usage: gen.py <model.json> <outdir>      Called by CMake; its output is never edited. Standard library only.
"""
import json
import os
import re
import sys

SCALARS = {  # model type: (C++ type, wire::Kind)
    "string": ("std::string", "String"), "integer": ("int32_t", "Int"), "long": ("int64_t", "Long"),
    "double": ("double", "Double"), "float": ("double", "Double"), "boolean": ("bool", "Bool"),
    "timestamp": ("wire::Timestamp", "Timestamp"), "blob": ("wire::Blob", "Blob"),
}
PROTOCOLS = {"query": "Query", "ec2": "Ec2", "json": "Json", "rest-xml": "RestXml", "smithy-rpc-v2-cbor": "Cbor"}
LOCATIONS = {"uri": "kUriLabel", "querystring": "kQueryParam", "header": "kHeader", "headers": "kHeaders",
             "statusCode": "kStatusCode"}
KEYWORDS = set("""alignas alignof and auto bool break case catch char class concept const consteval constexpr constinit
continue default delete do double else enum explicit export extern false float for friend goto if import inline int
long module mutable namespace new noexcept not nullptr operator or private protected public register requires return
short signed sizeof static struct switch template this throw true try typedef typename union unsigned using virtual
void volatile while xor""".split())


def snake(name):
    s = re.sub(r"([A-Z]{2,})s(?![a-z])", lambda m: m[1].capitalize() + "s", name)  # ARNs -> Arns
    s = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", s)
    s = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", s).lower().replace("-", "_")
    return s + "_" if s in KEYWORDS else s


def literal(text):
    """A C++ string literal of any text."""
    out = []
    for byte in text.encode():
        if chr(byte) in '"\\?':
            out.append("\\" + chr(byte))
        else:
            out.append(chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}")
    return '"' + "".join(out) + '"'


def split_ref(ref):
    return (ref, {}) if isinstance(ref, str) else (ref[0], ref[1])


def as_list(value):
    return [] if value is None else value if isinstance(value, list) else [value]


class Generator:
    def __init__(self, model):
        self.model, self.shapes, self.meta = model, model["shapes"], model["meta"]
        self.service = model["service"]
        self.order = []  # shapes in use, what a shape contains before the shape itself (but for recursion)
        seen = set()
        for op in model["ops"].values():
            for key in ("in", "out"):
                if key in op:
                    self.visit(op[key], seen)

    def visit(self, name, seen):
        if name in seen:
            return
        seen.add(name)
        shape = self.shapes[name]
        refs = list(shape["m"].values()) if shape["t"] == "structure" else [shape[k] for k in ("e", "v") if k in shape]
        for ref in refs:
            self.visit(split_ref(ref)[0], seen)
        self.order.append(name)

    # --- types ---------------------------------------------------------------------------------------------------
    def value_type(self, name):
        shape = self.shapes[name]
        if shape["t"] == "structure":
            return name
        if shape["t"] == "list":
            return f"wire::Seq<{self.value_type(split_ref(shape['e'])[0])}>"
        if shape["t"] == "map":
            return f"wire::Dict<{self.value_type(split_ref(shape['v'])[0])}>"
        return SCALARS[shape["t"]][0]

    def member_type(self, name):
        kind = self.shapes[name]["t"]
        if kind == "structure":
            return f"wire::Ref<{name}>"
        return self.value_type(name) if kind in ("list", "map") else f"std::optional<{self.value_type(name)}>"

    def header(self):
        structs = [n for n in self.order if self.shapes[n]["t"] == "structure"]
        out = [f"// Generated from model/{self.service}.json by tools/gen.py. Do not edit.", "#pragma once",
               '#include "wire/value.h"', "namespace howdah::wire { struct Service; }",
               f"namespace aws::{self.service} {{", "namespace wire = howdah::wire;",
               "/// Every operation of the service, with its shapes: wire/shape.h.",
               "extern const wire::Service kService;"]
        out += [f"struct {n};" for n in structs]
        for n in structs:
            out.append(f"struct {n} {{")
            for member, ref in self.shapes[n]["m"].items():
                out.append(f"  {self.member_type(split_ref(ref)[0])} {snake(member)};")
            out.append("};")
        return "\n".join(out + [f"}}  // namespace aws::{self.service}", ""])

    # --- tables --------------------------------------------------------------------------------------------------
    def query_name(self, member, ref):
        shape_name, facts = split_ref(ref)
        shape = self.shapes[shape_name]
        if self.meta["protocol"] == "ec2":
            if "queryName" in facts:
                return facts["queryName"]
            name = facts.get("locationName")
            return name[0].upper() + name[1:] if name else member
        if shape["t"] == "list" and (shape.get("flattened") or facts.get("flattened")):
            element = split_ref(shape["e"])[1]
            if "locationName" in element:
                return element["locationName"]
        return facts.get("locationName", member)

    def member_row(self, owner, member, ref):
        shape_name, facts = split_ref(ref)
        owner_shape, shape = self.shapes[owner], self.shapes[shape_name]
        flags = []
        if member in owner_shape.get("required", ()):
            flags.append("kRequired")
        if facts.get("flattened") or shape.get("flattened"):
            flags.append("kFlat")
        if shape.get("sensitive"):
            flags.append("kSensitive")
        if "location" in facts:
            flags.append(LOCATIONS[facts["location"]])
        if owner_shape.get("payload") == member:
            flags.append("kPayload")
        if facts.get("idempotencyToken"):
            flags.append("kIdempotencyToken")
        if facts.get("xmlAttribute"):
            flags.append("kXmlAttribute")
        return (f"{{{literal(member)}, {literal(facts.get('locationName', member))}, "
                f"{literal(self.query_name(member, ref))}, &S_{shape_name}, offsetof({owner}, {snake(member)}), "
                f"{' | '.join(flags) or '0'}}}")

    def shape_rows(self, name):
        shape, out, fields = self.shapes[name], [], []
        kind = {"structure": "Structure", "list": "List", "map": "Map"}.get(shape["t"]) or SCALARS[shape["t"]][1]
        flags = [f for k, f in (("flattened", "kFlat"), ("sensitive", "kSensitive")) if shape.get(k)]
        fields.append(f".kind = Kind::{kind}")
        if flags:
            fields.append(f".flags = {' | '.join(flags)}")
        fields += [f".name = {literal(name)}", f".box = &wire::kBoxOps<{self.value_type(name)}>"]
        if shape.get("m"):
            rows = ",\n  ".join(self.member_row(name, m, r) for m, r in shape["m"].items())
            out.append(f"constexpr Member M_{name}[] = {{\n  {rows}}};")
            fields.append(f".members = M_{name}")
        if shape["t"] in ("list", "map"):
            element, facts = split_ref(shape["e" if shape["t"] == "list" else "v"])
            default = "member" if shape["t"] == "list" else "value"
            fields += [f".elem = &S_{element}", f".elem_wire = {literal(facts.get('locationName', default))}"]
        if shape["t"] == "map":
            fields.append(f".key_wire = {literal(split_ref(shape['k'])[1].get('locationName', 'key'))}")
        fields += [f".{k} = {int(shape[k])}" for k in ("min", "max") if k in shape]
        if "enum" in shape:
            values = ", ".join(literal(v) for v in shape["enum"])
            out.append(f"constexpr std::string_view E_{name}[] = {{{values}}};")
            fields.append(f".enums = E_{name}")
        if "pattern" in shape:
            fields.append(f".pattern = {literal(shape['pattern'])}")
        out.append(f"const Shape S_{name}{{{', '.join(fields)}}};")
        return out

    def error_row(self, name):
        shape = self.shapes[name]
        error = shape["error"]
        status = error.get("httpStatusCode", 500 if shape.get("fault") else 400)
        sender = "false" if status >= 500 else "true"
        return f"{{{literal(error['code'])}, {literal(name)}, {status}, {sender}}}"

    def table(self, ctype, name, rows):
        """A named constant array, or nothing; second: how to refer to it."""
        if not rows:
            return [], "{}"
        return [f"constexpr {ctype} {name}[] = {{{', '.join(rows)}}};"], name

    def page_rows(self, name, page):
        out, refs = [], []
        for key, suffix in (("input_token", "I"), ("output_token", "O"), ("result_key", "R")):
            rows = [literal(v) for v in as_list(page.get(key))]
            lines, ref = self.table("const char*", f"P{suffix}_{name}", rows)
            out += lines
            refs.append(ref)
        limit = literal(page.get("limit_key", ""))
        out.append(f"constexpr wire::Pagination P_{name}{{{refs[0]}, {refs[1]}, {limit}, {refs[2]}}};")
        return out

    def operation_rows(self):
        out, rows = [], []
        for name, op in sorted(self.model["ops"].items()):
            lines, errors = self.table("ErrorCode", f"X_{name}", [self.error_row(e) for e in op["err"]])
            out += lines
            if "page" in op:
                out += self.page_rows(name, op["page"])
            shapes = ", ".join(f"&S_{op[k]}" if k in op else "nullptr" for k in ("in", "out"))
            texts = ", ".join(literal(t) for t in (op.get("wrap", ""), op.get("locationName", ""),
                                                   op.get("xmlNamespace", {}).get("uri", "")))
            page = f"&P_{name}" if "page" in op else "nullptr"
            method, uri, status = (op["http"] + [200])[:3]
            rows.append(f"  {{{literal(name)}, {literal(method)}, {literal(uri)}, {status}, {shapes}, {texts}, "
                        f"{errors}, {page}, {'true' if op.get('unsigned') else 'false'}}}")
        return out + ["constexpr wire::Operation kOperations[] = {", ",\n".join(rows) + "};"]

    def source(self):
        out = [f"// Generated from model/{self.service}.json by tools/gen.py. Do not edit.",
               f'#include "aws/{self.service}.h"', "#include <cstddef>", '#include "wire/shape.h"',
               f"namespace aws::{self.service} {{", "namespace {", "using wire::ErrorCode;", "using wire::Kind;",
               "using wire::Member;", "using wire::Shape;"]
        flags = ["kRequired", "kFlat", "kSensitive", "kPayload", "kIdempotencyToken", "kXmlAttribute"]
        out += [f"using wire::{f};" for f in [*flags, *LOCATIONS.values()]]
        out += [f"extern const Shape S_{n};" for n in self.order]
        for n in self.order:
            out += self.shape_rows(n)
        out += self.operation_rows()
        errors = sorted(n for n, s in self.shapes.items() if "error" in s)
        lines, ref = self.table("ErrorCode", "kErrors", [self.error_row(n) for n in errors])
        meta = self.meta
        protocols = ", ".join(f"wire::Protocol::{PROTOCOLS[p]}" for p in meta["protocols"])
        out += lines + [f"constexpr wire::Protocol kProtocols[] = {{{protocols}}};", "}  // namespace"]
        roots = [op["xmlNamespace"]["uri"] for op in self.model["ops"].values() if "xmlNamespace" in op]
        namespace = meta.get("xmlNamespace") or (roots[0] if roots else "")
        texts = [self.service, meta["apiVersion"], namespace, meta.get("targetPrefix", ""),
                 meta.get("jsonVersion", ""), meta.get("signingName", meta["endpointPrefix"])]
        out.append(f"constinit const wire::Service kService{{{', '.join(literal(t) for t in texts)}, kProtocols, "
                   f"{'true' if 'awsQueryCompatible' in meta else 'false'}, kOperations, {ref}}};")
        return "\n".join(out + [f"}}  // namespace aws::{self.service}", ""])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as f:
        generator = Generator(json.load(f))
    os.makedirs(sys.argv[2], exist_ok=True)
    for suffix, text in ((".h", generator.header()), (".cpp", generator.source())):
        with open(os.path.join(sys.argv[2], generator.service + suffix), "w", encoding="utf-8") as f:
            f.write(text)


main()
