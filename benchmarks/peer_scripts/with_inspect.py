"""The rows through Inspect: generate, score a number, write its log."""

import sys

import pyarrow.parquet as pq
from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import match
from inspect_ai.solver import generate

rows_file, base_url, model, instruction, in_flight, work = sys.argv[1:]

if __name__ == "__main__":
    rows = pq.read_table(rows_file).to_pylist()
    samples = [Sample(id=row["id"], input=row["question"] + instruction, target=row["answer"]) for row in rows]
    task = Task(dataset=MemoryDataset(samples), solver=generate(), scorer=match(numeric=True))
    log = eval(
        task,
        model="anthropic/" + model,
        model_base_url=base_url,
        max_tokens=512,
        temperature=0.0,
        max_connections=int(in_flight),
        max_samples=int(in_flight),
        display="none",
        log_dir=work,
    )[0]
    print("ANSWERS", log.results.completed_samples if log.status == "success" else 0)
