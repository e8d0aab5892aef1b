"""Draw the pictures of shapes/ and write shapes.csv, or with --check compare them with what is drawn.

    python datasets/make_shapes.py            writes the files and prints their sha256
    python datasets/make_shapes.py --check    exit 1 if the table or a picture's pixels differ

Needs Pillow. Seeded and offline. Pictures are compared by their pixels, as the compressed bytes may change with the
library.
"""

from __future__ import annotations

import io
import math
import random
import sys
from collections.abc import Sequence
from typing import TypeVar

from dataset_files import csv_bytes, run
from PIL import Image, ImageDraw

SEED = 20261123
PICTURES = 30
SIZE = 120
CELL = 40
RADIUS = 14
WHITE = (255, 255, 255)
COLOURS = {
    "red": (214, 39, 40),
    "blue": (31, 119, 180),
    "green": (44, 160, 44),
    "yellow": (240, 200, 20),
    "purple": (128, 60, 170),
    "black": (20, 20, 20),
}
POINTS = {"square": (4, 45.0, 1.0), "triangle": (3, -90.0, 1.0), "star": (5, -90.0, 0.4), "hexagon": (6, 0.0, 1.0)}
"""Outer points, angle of the first one, and how far in the points between them lie."""
SHAPES = ("circle", *POINTS)
NUMBERS = ("one", "two", "three", "four", "five", "six")
QUESTIONS = {
    "shape": "Which shape is drawn: circle, square, triangle, star or hexagon?",
    "colour": "Which colour do the shapes have: red, blue, green, yellow, purple or black?",
    "number": "How many shapes are drawn? Write the number as a word.",
}
T = TypeVar("T")
Point = tuple[float, float]


def outline(shape: str, centre: Point) -> list[Point]:
    """The corners of a shape that has corners."""
    count, first, inner = POINTS[shape]
    corners = []
    for step in range(2 * count):
        radius = RADIUS * (inner if step % 2 else 1.0)
        angle = math.radians(first + 180.0 * step / count)
        if step % 2 == 0 or inner < 1.0:
            corners.append((centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle)))
    return corners


def draw(shape: str, colour: str, number: int, rng: random.Random) -> bytes:
    """One picture as PNG: `number` equal shapes, each in a cell of its own."""
    picture = Image.new("P", (SIZE, SIZE), 0)
    picture.putpalette([*WHITE, *COLOURS[colour]])
    pen = ImageDraw.Draw(picture)
    for cell in sorted(rng.sample(range((SIZE // CELL) ** 2), number)):
        row, column = divmod(cell, SIZE // CELL)
        x = column * CELL + CELL / 2 + rng.randint(-4, 4)
        y = row * CELL + CELL / 2 + rng.randint(-4, 4)
        if shape == "circle":
            pen.ellipse((x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS), fill=1)
        else:
            pen.polygon(outline(shape, (x, y)), fill=1)
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True, bits=1)
    return file.getvalue()


def dealt(kinds: Sequence[T], rng: random.Random) -> list[T]:
    """One kind for each picture; in every round of questions each kind about as often as the others."""
    hands = [[kinds[(start + turn) % len(kinds)] for turn in range(PICTURES // len(QUESTIONS))] for start in (0, 2, 4)]
    for hand in hands:
        rng.shuffle(hand)
    return [kind for round_ in zip(*hands, strict=True) for kind in round_]


def make_files() -> dict[str, bytes]:
    """The table and the pictures, by path below the folder."""
    rng = random.Random(SEED)
    files: dict[str, bytes] = {}
    rows = []
    colours, counts = (dealt(kinds, rng) for kinds in (list(COLOURS), range(1, len(NUMBERS) + 1)))
    for number in range(PICTURES):
        asked = list(QUESTIONS)[number % len(QUESTIONS)]
        shape = SHAPES[number // len(QUESTIONS) % len(SHAPES)]
        colour, count = colours[number], counts[number]
        answers = {"shape": shape, "colour": colour, "number": NUMBERS[count - 1]}
        row_id = f"sh-{number + 1:02}"
        picture = f"shapes/{row_id}.png"
        files[picture] = draw(shape, colour, count, rng)
        rows.append({"id": row_id, "picture": picture, "question": QUESTIONS[asked], "answer": answers[asked]})
    return {"shapes.csv": csv_bytes(rows), **files}


def same(one: bytes, other: bytes) -> bool:
    """Equal bytes, or pictures with equal pixels."""
    if one == other or not one.startswith(b"\x89PNG"):
        return one == other
    first, second = (Image.open(io.BytesIO(content)).convert("RGB") for content in (one, other))
    return first.size == second.size and first.tobytes() == second.tobytes()


if __name__ == "__main__":
    sys.exit(run(make_files(), same=same))
