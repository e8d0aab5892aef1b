"""One word problem: its text with gaps, its draws, and its answer computed twice without a float."""

from __future__ import annotations

import ast
import operator
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

Number = int | Decimal | Fraction

NAMES = (
    "Amara", "Aoife", "Chidi", "Dmitri", "Emre", "Fatima", "Hana", "Ingrid", "Jisoo", "Kwame", "Leilani", "Linh",
    "Mateo", "Mei", "Minjun", "Noah", "Oksana", "Priya", "Rosa", "Samir", "Tomás", "Yusuf", "Zanele",
)  # fmt: skip

_OPERATORS: Mapping[type[ast.operator], Callable[[Fraction, Fraction], Fraction | int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_FUNCTIONS: Mapping[str, Callable[..., Fraction | int]] = {
    "ceil": lambda x: -(-x.numerator // x.denominator),
    "percent": lambda p, x: p * x / 100,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One template. `{name}` and `{other}` are two different people; every other gap is drawn from `draws`."""

    topic: str
    text: str
    draws: Mapping[str, Sequence[Any]]
    expression: str
    """Over the drawn names: + - * / // %, `percent(p, x)` (p percent of x) and `ceil(x)`."""
    compute: Callable[[Any], Number]
    """The same answer by another way: counting up, whole cents or minutes, undoing the question."""
    when: Callable[[Any], bool] = lambda v: True
    """Which draws make a sensible problem."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A template with its gaps filled."""

    question: str
    answer: str
    steps: int
    topic: str


def decimals(low: str, high: str, step: str) -> tuple[Decimal, ...]:
    """All decimals from `low` to `high`, both included, written with as many places as `step`."""
    count = int((Decimal(high) - Decimal(low)) / Decimal(step))
    return tuple((Decimal(low) + i * Decimal(step)).quantize(Decimal(step)) for i in range(count + 1))


def halves(low: int, high: int) -> tuple[Decimal | int, ...]:
    """From `low` halves to `high` halves: 1.5, 2, 2.5, ..."""
    return tuple(count // 2 if count % 2 == 0 else Decimal(count) / 2 for count in range(low, high + 1))


def cents(amount: Number) -> int:
    """Whole cents of `amount`; ValueError if it has none."""
    whole = Fraction(amount) * 100
    if whole.denominator != 1:
        raise ValueError(f"{amount} is not a number of cents")
    return whole.numerator


def evaluate(expression: str, values: Mapping[str, Any]) -> Fraction:
    """Compute `expression` exactly. Anything but numbers, known names, the operators and the functions is refused."""
    return _value(ast.parse(expression, mode="eval").body, values)


def _value(node: ast.AST, values: Mapping[str, Any]) -> Fraction:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return Fraction(node.value)
    if isinstance(node, ast.Name) and isinstance(values.get(node.id), int | Decimal):
        return Fraction(values[node.id])
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return Fraction(_OPERATORS[type(node.op)](_value(node.left, values), _value(node.right, values)))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
        return Fraction(_FUNCTIONS[node.func.id](*(_value(argument, values) for argument in node.args)))
    raise ValueError(f"not arithmetic: {ast.unparse(node)}")


def count_operations(expression: str) -> int:
    """Operators and percentages; rounding up belongs to its division."""
    nodes = list(ast.walk(ast.parse(expression, mode="eval")))
    percentages = sum(isinstance(node, ast.Name) and node.id == "percent" for node in nodes)
    return percentages + sum(isinstance(node, ast.BinOp) for node in nodes)


def plain_decimal(value: Fraction) -> str | None:
    """Write `value` without trailing zeros; None if it needs more than two decimal places."""
    hundredths = value * 100
    if hundredths.denominator != 1:
        return None
    whole, rest = divmod(abs(hundredths.numerator), 100)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{rest:02}".rstrip("0").rstrip(".")


def fill(problem: Problem, rng: random.Random) -> Instance | None:
    """Draw the gaps once; None if the draw makes no sensible problem. ValueError if the two answers differ."""
    name, other = rng.sample(NAMES, 2)
    values = {gap: rng.choice(choices) for gap, choices in problem.draws.items()}
    if not problem.when(SimpleNamespace(**values)):
        return None
    by_expression = evaluate(problem.expression, values)
    answer = plain_decimal(by_expression)
    if answer is None or by_expression <= 0:
        return None
    computed = problem.compute(SimpleNamespace(**values))
    if not isinstance(computed, int | Decimal | Fraction) or computed != by_expression:
        raise ValueError(f"{problem.expression} with {values}: {by_expression} by the text, {computed!r} by the code")
    question = problem.text.format(name=name, other=other, **values)
    return Instance(question, answer, count_operations(problem.expression), problem.topic)
