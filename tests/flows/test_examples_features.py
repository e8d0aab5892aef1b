"""The examples of single features: data that is made by its script, and answers that fit their questions."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from PIL import Image

from pipeline.core.template import Rendered, compile_template
from pipeline.guard.media import MediaReader
from tests.support.commands import called

ROOT = Path(__file__).resolve().parents[2]
DATASETS = ROOT / "datasets"
PROMPTS = ROOT / "prompts"
EVALS = ("vision", "tools", "extract-json", "cached-prefix", "multi-turn", "judged")
MOST_ROWS = 40


def read_rows(file: str) -> list[dict[str, Any]]:
    with (DATASETS / file).open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table)) if file.endswith(".csv") else [json.loads(line) for line in table]


def read_eval(name: str) -> dict[str, Any]:
    return tomllib.loads((PROMPTS / name / "eval.toml").read_text(encoding="utf-8"))


def dataset_of(name: str) -> str:
    return Path(read_eval(name)["dataset"]["path"]).name


def render_all(name: str) -> list[tuple[dict[str, Any], Rendered]]:
    """Every row of the evaluation under its only prompt."""
    path = PROMPTS / name / read_eval(name)["prompts"][0]["template"]
    template = compile_template(path.read_text(encoding="utf-8"), path=str(path))
    return [(row, template.render(row, MediaReader(DATASETS))) for row in read_rows(dataset_of(name))]


def last_text(rendered: Rendered) -> str:
    """The text of the last user turn."""
    content = [message["content"] for message in rendered.messages if message["role"] == "user"][-1]
    return content if isinstance(content, str) else "".join(block.get("text", "") for block in content)


# All of them


@pytest.mark.parametrize("name", EVALS)
def test_check_finds_no_mistake(name: str) -> None:
    done = called("check", f"prompts/{name}", "--json")
    assert done.code == 0, done.err
    assert done.err == ""


@pytest.mark.parametrize("name", EVALS)
def test_an_evaluation_is_small_named_after_its_folder_and_needs_no_key(name: str) -> None:
    settings = read_eval(name)
    assert settings["name"] == name
    assert all(model["id"].startswith("simulator/sim-") for model in settings["models"])
    assert len(read_rows(dataset_of(name))) <= MOST_ROWS
    assert (PROMPTS / name / "eval.toml").read_text(encoding="utf-8").count("\n# ") >= 5


@pytest.mark.parametrize("name", EVALS)
def test_the_simulator_finds_each_row_in_the_last_user_turn_and_no_other(name: str) -> None:
    settings = read_eval(name)["simulator"]
    rows = render_all(name)
    questions = [row[settings["question_column"]] for row, _ in rows]
    assert len(set(questions)) == len(rows)
    for row, rendered in rows:
        text = last_text(rendered)
        assert [question for question in questions if question in text] == [row[settings["question_column"]]]


@pytest.mark.parametrize("name", EVALS)
def test_ids_are_unique_and_no_cell_is_empty(name: str) -> None:
    rows = read_rows(dataset_of(name))
    assert len({row["id"] for row in rows}) == len(rows)
    assert all(value not in ("", None, []) for row in rows for value in row.values())


def test_every_example_is_listed_where_examples_are_listed() -> None:
    names = {path.parent.name for path in PROMPTS.glob("*/eval.toml")}
    section = (ROOT / "docs" / "writing-evaluations.md").read_text(encoding="utf-8").split("\n## Examples\n")[1]
    assert set(re.findall(r"^\| `prompts/([\w-]+)` \|", section, flags=re.MULTILINE)) == names
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in readme for name in names - {"arithmetic"})


# Data that scripts make


def run_script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(DATASETS / name), *arguments]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=60)


def change_row(folder: Path) -> None:
    path = next(path for path in sorted(folder.iterdir()) if path.is_file())
    path.write_bytes(path.read_bytes().replace(b"one", b"two").replace(b"Oslo", b"Rome").replace(b"Seed", b"Weed"))


def change_picture(folder: Path) -> None:
    path = folder / "shapes" / "sh-30.png"
    picture = Image.open(BytesIO(path.read_bytes())).convert("RGB")
    picture.putpixel((0, 0), (254, 255, 255))
    picture.save(path)


@pytest.mark.parametrize("script", ["make_shapes.py", "make_tool_calls.py", "make_notices.py"])
def test_the_files_are_what_their_script_makes(script: str) -> None:
    done = run_script(script, "--check")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


CHANGES: list[tuple[str, Callable[[Path], None]]] = [
    ("make_shapes.py", change_row),
    ("make_shapes.py", change_picture),
    ("make_tool_calls.py", change_row),
    ("make_notices.py", change_row),
]


@pytest.mark.parametrize(("script", "change"), CHANGES)
def test_a_changed_or_missing_file_is_found(script: str, change: Callable[[Path], None], tmp_path: Path) -> None:
    missing = run_script(script, "--check", "--folder", str(tmp_path))
    assert (missing.returncode, "is missing" in missing.stdout) == (1, True)
    assert run_script(script, "--folder", str(tmp_path)).returncode == 0
    assert run_script(script, "--check", "--folder", str(tmp_path)).returncode == 0
    change(tmp_path)
    changed = run_script(script, "--check", "--folder", str(tmp_path))
    assert (changed.returncode, "is not what the script gives" in changed.stdout) == (1, True)


# vision


def test_every_picture_is_small_and_every_row_has_one() -> None:
    rows = read_rows("shapes.csv")
    pictures = sorted(f"shapes/{path.name}" for path in (DATASETS / "shapes").iterdir())
    assert [row["picture"] for row in rows] == pictures
    assert all((DATASETS / picture).stat().st_size < 2048 for picture in pictures)
    for _, rendered in render_all("vision"):
        image, text = rendered.messages[0]["content"]
        assert (image["type"], image["source"]["media_type"], text["type"]) == ("image", "image/png", "text")


COLOURS = {
    (214, 39, 40): "red",
    (31, 119, 180): "blue",
    (44, 160, 44): "green",
    (240, 200, 20): "yellow",
    (128, 60, 170): "purple",
    (20, 20, 20): "black",
}
NUMBERS = ("none", "one", "two", "three", "four", "five", "six")


def islands(picture: Image.Image) -> list[set[tuple[int, int]]]:
    """The connected areas that are not white."""
    left = {
        (x, y)
        for x in range(picture.width)
        for y in range(picture.height)
        if picture.getpixel((x, y)) != (255, 255, 255)
    }
    found = []
    while left:
        island, border = set(), [left.pop()]
        while border:
            x, y = border.pop()
            island.add((x, y))
            near = {(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)} & left
            left -= near
            border.extend(near)
        found.append(island)
    return found


def test_colours_and_numbers_can_be_seen_in_the_pictures() -> None:
    """Counted here by another way than the one that drew them."""
    asked = Counter()
    for row in read_rows("shapes.csv"):
        picture = Image.open(DATASETS / row["picture"]).convert("RGB")
        shapes = islands(picture)
        colour = COLOURS[picture.getpixel(next(iter(shapes[0])))]
        seen = {"Which colour": colour, "How many": NUMBERS[len(shapes)]}
        kind = next((kind for kind in seen if row["question"].startswith(kind)), None)
        asked[kind] += 1
        assert kind is None or row["answer"] == seen[kind], row
    assert asked == {"Which colour": 10, "How many": 10, None: 10}


def test_shapes_fill_their_boxes_as_their_names_say() -> None:
    """A square fills its box, a hexagon and a circle most of it, a triangle half, a star least."""
    rows = [row for row in read_rows("shapes.csv") if row["question"].startswith("Which shape")]
    shares: dict[str, list[float]] = {}
    for row in rows:
        island = islands(Image.open(DATASETS / row["picture"]).convert("RGB"))[0]
        width, height = ({point[axis] for point in island} for axis in (0, 1))
        shares.setdefault(row["answer"], []).append(len(island) / (len(width) * len(height)))
    assert set(shares) == {"circle", "square", "triangle", "star", "hexagon"}
    limits = {"star": (0.2, 0.45), "triangle": (0.45, 0.6), "hexagon": (0.7, 0.79), "circle": (0.77, 0.85)}
    for shape, (low, high) in {**limits, "square": (0.99, 1.0)}.items():
        assert all(low <= share <= high for share in shares[shape]), (shape, shares[shape])


# tools


def calls_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    answer = json.loads(row["answer"])
    return answer if isinstance(answer, list) else [answer]


def test_every_expected_call_is_one_that_its_tool_accepts() -> None:
    tools = json.loads((PROMPTS / "tools" / "tools.json").read_text(encoding="utf-8"))
    checks = {tool["name"]: jsonschema_rs.validator_for(tool["input_schema"], validate_formats=True) for tool in tools}
    rows = read_rows("tool-calls.jsonl")
    for row in rows:
        for call in calls_of(row):
            assert call.keys() == {"name", "input"}
            assert checks[call["name"]].is_valid(call["input"]), row
    assert Counter(calls_of(row)[0]["name"] for row in rows) == {
        "convert_units": 13,
        "set_reminder": 9,
        "get_forecast": 8,
    }
    assert sum(len(calls_of(row)) == 2 for row in rows) == 4


def test_the_arguments_of_calls_stand_in_their_requests() -> None:
    for row in read_rows("tool-calls.jsonl"):
        text = row["question"].replace(",", "")
        for call in calls_of(row):
            given = call["input"]
            words = {"get_forecast": ("city", "days"), "convert_units": ("amount",), "set_reminder": ("text",)}
            assert all(str(given[name]).replace(",", "") in text for name in words[call["name"]]), row
            if call["name"] == "set_reminder":
                day = date.fromisoformat(given["date"])
                assert f"on {day.day} {day:%B} {day.year} at" in text


# extract-json


def test_every_answer_follows_the_schema_and_the_two_schemas_agree() -> None:
    schema = json.loads((PROMPTS / "extract-json" / "notice.schema.json").read_text(encoding="utf-8"))
    check = jsonschema_rs.validator_for(schema, validate_formats=True)
    assert all(check.is_valid(json.loads(row["answer"])) for row in read_rows("notices.jsonl"))
    sent = next(model for model in read_eval("extract-json")["models"] if model["name"] == "structured")
    format_ = sent["params"]["output_config"]["format"]
    del schema["properties"]["start"]["pattern"]
    assert format_ == {"type": "json_schema", "schema": schema}


def test_what_a_notice_says_stands_in_it() -> None:
    for row in read_rows("notices.jsonl"):
        fields, notice = json.loads(row["answer"]), row["notice"]
        day = date.fromisoformat(fields["date"])
        assert fields["title"] in notice
        assert fields["place"] in notice
        assert re.search(rf"(?<!\d){day.day}(?!\d)", notice)
        assert str(day.year) in notice
        fee = fields["fee_eur"]
        stated = "free" in notice or "무료" in notice or re.search(r"\d\.\d\d", notice) is not None
        assert stated is (fee is not None), row
        assert not fee or f"{fee:.2f}" in notice


def test_the_functions_of_the_evaluation_judge_fields() -> None:
    from pipeline.score.custom import import_function

    folder = str(PROMPTS / "extract-json")
    share_right, date_right = (import_function(folder, f"fields:{name}") for name in ("share_right", "date_right"))
    expected = '{"title": "Seed Swap", "date": "2027-05-06", "fee_eur": null, "start": "20:30"}'
    cases = [
        (expected, 1.0, True),
        ('```json\n{"title": "seed swap", "date": "2027-05-06", "fee_eur": null, "start": "20:30"}\n```', 1.0, True),
        ('{"title": "Seed Swap", "date": "2027-06-05", "fee_eur": 0, "start": "20:30"}', 0.5, False),
        ('{"title": "Seed Swap", "date": "2027-05-06", "start": "20:30"}', 0.75, True),
        ('{"title": "Seed Swap"', 0.0, False),
        ("no idea", 0.0, False),
    ]
    for text, share, right in cases:
        assert share_right(text=text, expected=expected, row={})["value"] == share
        assert date_right(text=text, expected=expected, row={}) is right


# cached-prefix


def test_the_manual_is_long_cached_and_the_same_for_every_row() -> None:
    rows = render_all("cached-prefix")
    systems = [rendered.system for _, rendered in rows]
    assert all(system == systems[0] for system in systems)
    assert systems[0] is not None
    (block,) = systems[0]
    assert block["cache_control"]["type"] == "ephemeral"  # type: ignore[index]
    assert len(block["text"]) / 4 > 4_300  # type: ignore[index]  # at the most characters per token, still above 4,096


def test_every_answer_stands_in_the_section_that_its_row_names() -> None:
    manual = (PROMPTS / "cached-prefix" / "manual.jinja").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (\d+)\. (.*?)(?=^## |^{% endsystem)", manual, flags=re.MULTILINE | re.DOTALL))
    for row in read_rows("manual-questions.csv"):
        assert re.search(rf"(?<!\w){re.escape(row['answer'])}(?!\w)", sections[row["section"]]), row


# multi-turn


def test_conversations_take_turns_and_end_in_a_prefill() -> None:
    for row, rendered in render_all("multi-turn"):
        roles = [message["role"] for message in rendered.messages]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        assert rendered.messages[4:-2] == tuple(row["turns"])
        assert rendered.messages[-1]["content"] == "The answer is ["


def test_the_example_shows_streaming_on_one_model_only() -> None:
    models = read_eval("multi-turn")["models"]
    assert [model["params"].get("stream", False) for model in models] == [False, True]
    assert all("]" in model["params"]["stop_sequences"] for model in models)
