"""Random values of the shapes in model/*.json that satisfy the model's limits. Deterministic for a seed.

Timestamps are ISO texts with milliseconds, blobs are base64 texts: what wire_peer speaks.
"""
import base64
import datetime
import re
import string
import sys
import warnings

if sys.version_info >= (3, 11):
    from re import _parser as sre_parse
else:
    import sre_parse

TEXT = string.ascii_letters + string.digits + " -_./:<>&\"'=+%;,\n\tñé漢🐘"


def split_ref(ref):
    return (ref, {}) if isinstance(ref, str) else (ref[0], ref[1])


def expand(tokens, rng):
    """A random text that a parsed regular expression matches (look-aheads are ignored; the caller checks)."""
    out = ""
    for kind, arg in tokens:
        name = str(kind)
        if name == "LITERAL":
            out += chr(arg)
        elif name == "NOT_LITERAL" or name == "ANY":
            out += rng.choice("abcXYZ019")
        elif name == "IN":
            out += pick_from_class(arg, rng)
        elif name in ("MAX_REPEAT", "MIN_REPEAT"):
            low, high, inner = arg
            for _ in range(rng.randint(low, min(int(high), low + 6))):
                out += expand(inner, rng)
        elif name == "SUBPATTERN":
            out += expand(arg[-1], rng)
        elif name == "BRANCH":
            out += expand(rng.choice(arg[1]), rng)
    return out


def pick_from_class(items, rng):
    def allowed(c):
        for kind, arg in items:
            name = str(kind)
            if name == "LITERAL" and ord(c) == arg or name == "RANGE" and arg[0] <= ord(c) <= arg[1]:
                return True
            if name == "CATEGORY":
                words = {"CATEGORY_DIGIT": r"\d", "CATEGORY_WORD": r"\w", "CATEGORY_SPACE": r"\s",
                         "CATEGORY_NOT_SPACE": r"\S", "CATEGORY_NOT_WORD": r"\W", "CATEGORY_NOT_DIGIT": r"\D"}
                if re.match(words[str(arg)], c, re.ASCII):
                    return True
        return False
    negated = str(items[0][0]) == "NEGATE"
    pool = [c for c in string.ascii_letters + string.digits + " !#$%()*+,-./:;=?@^_~\t" if allowed(c) != negated]
    return rng.choice(pool)


class Sampler:
    def __init__(self, model, rng):
        self.shapes, self.rng = model["shapes"], rng

    def structure(self, name, chance, whole_seconds=False, depth=0):
        """`chance`: how likely each optional member is there."""
        shape, out = self.shapes[name], {}
        members = shape["m"].items()
        if shape.get("union"):  # exactly one member
            members, chance = [self.rng.choice(list(members))], 1
        wanted = {m for m, _ in members if m in shape.get("required", ()) or self.rng.random() < chance}
        if depth and members and not wanted:  # a form cannot express a nested structure without members
            wanted = {self.rng.choice(list(members))[0]}
        for member, ref in members:
            if member in wanted:
                # Deep optional members get rarer, or one EC2 instance would be a megabyte.
                deeper = chance if depth < 2 else chance * 0.7
                out[member] = self.value(split_ref(ref)[0], deeper, whole_seconds, depth + 1)
        return out

    def value(self, name, chance, whole_seconds, depth):
        shape, rng = self.shapes[name], self.rng
        kind = shape["t"]
        if kind == "structure":
            return self.structure(name, chance, whole_seconds, depth)
        low, high = shape.get("min"), shape.get("max")
        if kind == "list":
            # An empty list inside a form is not expressible for every client: at least one element.
            count = rng.randint(max(low or 1, 1), max(low or 1, min(high or 3, (low or 1) + 2), 1))
            return [self.value(split_ref(shape["e"])[0], chance, whole_seconds, depth + 1) for _ in range(count)]
        if kind == "map":
            count = rng.randint(max(low or 1, 1), max(low or 1, 2))
            key = split_ref(shape["k"])[0]
            out = {}
            while len(out) < count:
                out[self.text(self.shapes[key])] = self.value(split_ref(shape["v"])[0], chance, whole_seconds, depth + 1)
            return out
        return self.scalar(shape, kind, low, high, whole_seconds)

    def scalar(self, shape, kind, low, high, whole_seconds):
        rng = self.rng
        if kind == "string":
            return self.text(shape)
        if kind == "boolean":
            return rng.random() < 0.5
        if kind in ("integer", "long"):
            limit = 2**31 - 1 if kind == "integer" else 2**53
            return rng.randint(-limit - 1 if low is None else low, limit if high is None else high)
        if kind in ("double", "float"):
            return rng.choice([0.0, 0.1, -2.5, 1e20, 1.5e-7, rng.uniform(-1e6, 1e6)]) if low is None else float(low)
        if kind == "timestamp":
            ms = rng.randrange(0, 4102444800000)
            ms -= ms % 1000 if whole_seconds else 0
            t = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=ms)
            return t.strftime("%Y-%m-%dT%H:%M:%S.") + f"{t.microsecond // 1000:03}Z"
        count = rng.randint(max(low or 0, 1), max(low or 1, min(high or 40, 40)))
        return base64.b64encode(bytes(rng.randrange(256) for _ in range(count))).decode()

    def text(self, shape):
        if "enum" in shape:
            return self.rng.choice(shape["enum"])
        low = shape.get("min", 0)
        high = max(min(shape.get("max", 60), low + 60), low)
        if "pattern" in shape:
            return self.matching(shape["pattern"], low, shape.get("max", 1000))
        return "".join(self.rng.choice(TEXT) for _ in range(self.rng.randint(max(low, 1), max(high, 1))))

    def matching(self, pattern, low, high):
        plain = "".join(self.rng.choice(string.ascii_lowercase) for _ in range(max(low, min(8, high))))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                parsed = sre_parse.parse(pattern)
                for _ in range(200):
                    text = expand(parsed, self.rng)
                    if low <= len(text) <= high and re.fullmatch(pattern, text):
                        return text
                    doubled = text * (low // max(len(text), 1) + 1)
                    if low <= len(doubled) <= high and re.fullmatch(pattern, doubled):
                        return doubled
        except re.error:
            pass  # Java's syntax: letters always match what such patterns of AWS allow
        return plain
