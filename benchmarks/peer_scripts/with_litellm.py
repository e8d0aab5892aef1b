"""The rows through litellm: acompletion under a semaphore, answers as JSON lines."""

import asyncio
import json
import sys
from pathlib import Path

import litellm
import pyarrow.parquet as pq

rows_file, base_url, model, instruction, in_flight, work = sys.argv[1:]


async def main() -> None:
    """Send everything."""
    slots = asyncio.Semaphore(int(in_flight))
    rows = pq.read_table(rows_file).to_pylist()
    with (Path(work) / "litellm.jsonl").open("w") as out:

        async def ask(row: dict) -> bool:
            async with slots:
                answer = await litellm.acompletion(
                    model="anthropic/" + model,
                    api_base=base_url,
                    messages=[{"role": "user", "content": row["question"] + instruction}],
                    max_tokens=512,
                    temperature=0.0,
                )
            text = answer.choices[0].message.content
            line = {"id": row["id"], "text": text, "usage": answer.usage.model_dump(), "cost": _cost(answer)}
            out.write(json.dumps(line) + "\n")
            return bool(text)

        answered = await asyncio.gather(*map(ask, rows))
    print("ANSWERS", sum(answered))


def _cost(answer: litellm.ModelResponse) -> float:
    return litellm.completion_cost(answer)


asyncio.run(main())
