"""Pictures, documents and histories from a dataset to the request, the answer and the page that shows them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.commands import Finished, evalmill
from tests.support.evals import EVAL, write_eval
from tests.support.report import embedded

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PICTURE: dict[str, Any] = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()},
}
HISTORY = [
    {"role": "user", "content": "Look at the chart."},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "open", "input": {"n": 1}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": [PICTURE]}]},
    {"role": "assistant", "content": "I see it."},
]
TEMPLATE = """\
{% messages history | fromjson %}
{% user %}
{{ document(report, title="Report", citations=true) }}
{{ document(text=note, title="Note") }}
{{ image(photo) }}
{{ question }}
{% enduser %}
"""
TOOLS = """
[[models.params.tools]]
name = "open"
input_schema = { type = "object" }

[[scorers]]
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Finished]:
    folder = tmp_path_factory.mktemp("blocks")
    media = folder / "media"
    media.mkdir()
    (media / "report.pdf").write_bytes(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    (media / "photo.png").write_bytes(PNG)
    rows = [
        {
            "id": f"r{number}",
            "report": "media/report.pdf",
            "photo": "media/photo.png",
            "note": "Nothing to add.",
            "history": json.dumps(HISTORY),
            "question": f"What is {number} plus {number}?",
            "answer": str(2 * number),
        }
        for number in range(4)
    ]
    write_eval(folder, EVAL.replace("\n[[scorers]]\n", TOOLS).replace(".csv", ".jsonl"), template=TEMPLATE)
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder / "run", evalmill("run", folder, "--out", folder / "run")


def test_every_kind_of_block_is_sent_and_answered(run: tuple[Path, Finished]) -> None:
    folder, done = run
    assert done.code == 0, done.err
    results = pl.read_parquet(str(folder / "results/*.parquet"))
    assert results["status"].to_list() == ["ok"] * 4
    assert results["input_tokens"].min() > 500


def test_a_page_names_pictures_and_documents_and_holds_none(run: tuple[Path, Finished]) -> None:
    page = embedded(run[0] / "quality.html")
    for named in ("[document: media/report.pdf]", "[document: Note]", "[image: media/photo.png]", "toolu_1", "[image]"):
        assert named in page
    assert PICTURE["source"]["data"] not in page


def test_check_names_a_row_whose_document_lies_outside(run: tuple[Path, Finished]) -> None:
    folder = run[0].parent
    rows = folder / "rows.jsonl"
    rows.write_text(rows.read_text(encoding="utf-8").replace("media/report.pdf", "../../secret.pdf", 1), "utf-8")
    done = evalmill("check", folder)
    assert done.code == 65
    assert "row r0: document path '../../secret.pdf'" in done.err
