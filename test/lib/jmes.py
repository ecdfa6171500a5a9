"""The part of JMESPath that transcripts need: a.b, [0], [-1], [], [*], [?name=='x'], [a, b], | and the functions length, keys,
sort, contains, join. Unknown names give None, as JMESPath does."""
import json
import re

TOKEN = re.compile(r"""\s*(?: (?P<name>[A-Za-z_][A-Za-z0-9_]*) | (?P<quoted>"[^"]*") | (?P<raw>'[^']*') | (?P<json>`[^`]*`)
                       | (?P<int>-?\d+) | (?P<op>\[\?|\[\]|==|!=|&&|\|\||[\[\].*|(),@{}:&]) )""", re.X)


class Parser:
    def __init__(self, text):
        self.text, self.tokens, at = text, [], 0
        text = text.rstrip()
        while at < len(text):
            m = TOKEN.match(text, at)
            if not m:
                raise ValueError(f"cannot read {text[at:]!r} in path {text!r}")
            self.tokens.append((m.lastgroup, m.group(m.lastgroup)))
            at = m.end()
        self.at = 0

    def peek(self, value=None):
        token = self.tokens[self.at] if self.at < len(self.tokens) else (None, None)
        return token if value is None else token[0] == "op" and token[1] == value

    def take(self, value=None):
        token = self.peek()
        if token[0] is None or (value and token[1] != value):
            raise ValueError(f"expected {value or 'more'} at token {self.at} of path {self.text!r}")
        self.at += 1
        return token

    # Each method returns a function data -> value.

    def pipe(self):
        left = self.compare()
        while self.peek("|"):
            self.take()
            right, before = self.compare(), left
            left = lambda d, a=before, b=right: b(a(d))
        return left

    def compare(self):
        left = self.chain()
        if self.peek("==") or self.peek("!="):
            op, right = self.take()[1], self.chain()
            return lambda d: (left(d) == right(d)) == (op == "==")
        return left

    def condition(self):
        left = self.compare()
        while self.peek("&&") or self.peek("||"):
            op, right, before = self.take()[1], self.compare(), left
            left = ((lambda d, a=before, b=right: a(d) and b(d)) if op == "&&" else
                    (lambda d, a=before, b=right: a(d) or b(d)))
        return left

    def chain(self):
        """A head and what follows it; after a projection, what follows applies to each element."""
        return self.follow(self.head())

    def head(self):
        kind, value = self.peek()
        if kind == "op" and value in ("[", "[]", "[?"):
            return lambda d: d
        self.take()
        if kind == "op" and value == "@":
            return lambda d: d
        if kind == "raw":
            return lambda d: value[1:-1]
        if kind == "int":
            return lambda d: int(value)
        if kind == "json":
            return lambda d: json.loads(value[1:-1])
        if kind not in ("name", "quoted"):
            raise ValueError(f"unexpected {value!r} in path {self.text!r}")
        if kind == "name" and self.peek("("):
            return self.function(value)
        return field(value.strip('"'))

    def function(self, name):
        self.take("(")
        arguments = []
        while not self.peek(")"):
            arguments.append(self.pipe())
            if self.peek(","):
                self.take()
        self.take(")")
        call = FUNCTIONS[name]
        return lambda d: call(*(a(d) for a in arguments))

    def follow(self, left, projected=False):
        while True:
            if self.peek("."):
                self.take()
                if self.peek("["):  # a multi-select list: [a, b]
                    right = self.select()
                elif self.peek("*"):
                    self.take()
                    right = lambda d: list(d.values()) if isinstance(d, dict) else None
                else:
                    right = self.head()
                left = lambda d, a=left, b=right: b(a(d)) if a(d) is not None else None
            elif self.peek("[]"):
                if projected:  # flattening ends the projection that it follows, and works on its result
                    return left
                left = self.project(left)
            elif self.peek("[?"):
                left = self.project(left)
            elif self.peek("["):
                self.take()
                if self.peek("*"):
                    self.at -= 1
                    left = self.project(left)
                    continue
                index = int(self.take()[1])
                self.take("]")
                left = lambda d, a=left, i=index: at_index(a(d), i)
            else:
                return left

    def select(self):
        self.take("[")
        parts = [self.pipe()]
        while self.peek(","):
            self.take()
            parts.append(self.pipe())
        self.take("]")
        return lambda d: [p(d) for p in parts]

    def project(self, left):
        kind, keep = self.take()[1], lambda d: True
        if kind == "[":
            self.take("*")
        if kind == "[?":
            keep = self.condition()
        if kind != "[]":
            self.take("]")
        rest = self.follow(lambda d: d, projected=True)

        def run(data):
            items = left(data)
            if not isinstance(items, list):
                return None
            if kind == "[]":
                items = [x for i in items for x in (i if isinstance(i, list) else [i])]
            return [v for v in (rest(i) for i in items if keep(i)) if v is not None]
        return run


def field(name):
    return lambda d: d.get(name) if isinstance(d, dict) else None


def at_index(value, index):
    return value[index] if isinstance(value, list) and -len(value) <= index < len(value) else None


FUNCTIONS = {
    "length": lambda v: len(v) if v is not None else None,
    "keys": lambda v: sorted(v),
    "sort": sorted,
    "contains": lambda v, x: x in (v or []),
    "join": lambda glue, v: glue.join(v),
    "to_string": str,
}


def search(path, data):
    parser = Parser(path)
    function = parser.pipe()
    if parser.at != len(parser.tokens):
        raise ValueError(f"cannot read the end of path {path!r} from token {parser.at}")
    return function(data)
