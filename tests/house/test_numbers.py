"""Rule: no bare number. A constant of a module says beside it where it is from, or why it was chosen.

What counts as saying so: a comment on its lines; a comment above it, or a docstring below it, with no empty line
between; a value that carries its origin itself (`assumed(...)`, `quoted(...)`, `measured(...)`); or a row of a table
that has its reason as one of its fields.
"""

import ast
import io
import tokenize

import pytest

CARRIES_ITS_ORIGIN = {"assumed", "quoted", "measured"}
WORDS_THAT_EXPLAIN = 2  # one says what it is, not why: "hours"
WORDS_OF_A_REASON = 4  # a label has fewer
NEUTRAL = {0, 1, 2, -1}  # an index, a base, a half: numbers that no source could change

EXEMPT = {
    "GIGA": "the prefix, by definition",
    "TERA": "the prefix, by definition",
    "BYTES_PER_KIB": "the unit, by definition",
    "MILLISECOND": "the unit, by definition",
}
"""Name to the reason it needs no source; an entry that exempts nothing is a fault too."""


def comments(text: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


def called(node: ast.AST) -> str:
    function = node.func if isinstance(node, ast.Call) else None
    return (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )


def has_number(node: ast.AST) -> bool:
    """Return whether a number is written in this value, beside those that carry their origin and the neutral ones."""
    if called(node) in CARRIES_ITS_ORIGIN or has_reason(node) or isinstance(node, ast.Lambda):
        return False
    if isinstance(node, ast.Call) and called(node) == "Decimal":
        return ast.unparse(node.args[0]).strip("'\"") not in {"0", "1"}
    if isinstance(node, ast.Subscript):
        return has_number(node.value)
    if isinstance(node, ast.Constant):
        return type(node.value) in {int, float} and node.value not in NEUTRAL
    return any(has_number(child) for child in ast.iter_child_nodes(node))


def has_reason(node: ast.AST) -> bool:
    """Return whether a row of a table, written as a call, has a sentence among its fields."""
    fields = [*node.args, *(keyword.value for keyword in node.keywords)] if isinstance(node, ast.Call) else []
    texts = [field.value for field in fields if isinstance(field, ast.Constant) and isinstance(field.value, str)]
    return any(len(text.split()) >= WORDS_OF_A_REASON for text in texts)


def explains(comment: str) -> bool:
    return len(comment.split()) >= WORDS_THAT_EXPLAIN


def explained(node: ast.stmt, said: dict[int, str], below: dict[int, str], lines: list[str]) -> bool:
    """Return whether a comment or docstring stands on the statement's lines or touches the unbroken lines it is in."""
    first, last = node.lineno, node.end_lineno or node.lineno
    if any(explains(said.get(line, "")) for line in range(first, last + 1)):
        return True
    while first > 1 and lines[first - 2].strip():
        first -= 1
    while last < len(lines) and lines[last].strip():
        last += 1
    above = (said.get(line, "") for line in range(first, node.lineno) if lines[line - 1].startswith("#"))
    return any(explains(text) for text in (*above, *(below.get(line, "") for line in range(node.lineno, last + 1))))


def strings(body: list[ast.stmt]) -> dict[int, str]:
    """Return the text of each string that stands alone, by its first line."""
    alone = [node for node in body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]
    return {node.lineno: str(ast.literal_eval(node.value)) for node in alone}


def bare_numbers(text: str) -> list[str]:
    """Return the names of the module's constants that hold a number and do not say where it is from."""
    body, said, lines = ast.parse(text).body, comments(text), text.splitlines()
    below = strings(body)
    bare: list[str] = []
    for node in body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None or not has_number(node.value):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if not explained(node, said, below, lines):
            bare += [ast.unparse(target) for target in targets]
    return bare


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("EFFICIENCY = 0.4\n", ["EFFICIENCY"]),
        ("EFFICIENCY = 0.4  # why\n", ["EFFICIENCY"]),  # one word says too little
        ("EFFICIENCY = 0.4  # median of the rows of\n", []),
        ("# Median of the published rows\nEFFICIENCY = 0.4\n", []),
        ("# Median of the published rows\nA = 0.4\nB = 0.5\n", []),  # one comment for the unbroken lines below it
        ("# Median of the published rows\nA = 0.4\n\nB = 0.5\n", ["B"]),
        ('LOW = 0.4\nHIGH = 0.5\n"""Measured on the published rows."""\n', []),  # and one docstring for those above it
        ('RATE: Final = Decimal("0.10")\n"""The rate of the published table."""\n', []),
        ('RATE = Decimal("0.10")\n', ["RATE"]),
        ("TABLE = {\n    'a': 3.5,\n    'b': 7,  # the vendor's own page\n}\n", []),
        ('SHARE = assumed("share", 0.3, "share", because="nobody published it")\n', []),
        ("ROWS = [Row('full', 14, because='16-bit logits and a copy')]\n", []),
        ("ROWS = [Row('full', 14, '16-bit logits')]\n", ["ROWS"]),
        (
            "ZERO = Decimal(0)\nFIRST, NAMES = 0, ['a']\nON: dict[str, int] = {}\nKEY = NAMES[7]\n",
            [],
        ),  # no number that could be wrong
    ],
)
def test_what_counts_as_a_bare_number(text: str, bare: list[str]) -> None:
    assert bare_numbers(text) == bare


def test_every_constant_says_where_it_is_from(product: dict[str, str]) -> None:
    found = {(name, path) for path, text in product.items() for name in bare_numbers(text) if is_ours(path)}
    bare = sorted(f"{path}: {name}" for name, path in found if name not in EXEMPT)
    idle = sorted(EXEMPT.keys() - {name for name, _ in found})
    assert not bare, "say beside each where it is from, or why it was chosen:\n" + "\n".join(bare)
    assert not idle, "these exemptions exempt nothing:\n" + "\n".join(idle)


def is_ours(path: str) -> bool:
    """Return whether the rule holds here: pricing.units holds definitions (months in a year), not choices."""
    return path.startswith(("advisor/", "runner/"))
