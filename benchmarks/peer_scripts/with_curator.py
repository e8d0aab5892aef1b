"""The rows through curator (bespokelabs-curator), with the Anthropic backend."""

import os
import sys

from bespokelabs import curator

from datasets import load_dataset

rows_file, base_url, model, instruction, in_flight, _work = sys.argv[1:]


class Ask(curator.LLM):
    """One question, one answer."""

    def prompt(self, row: dict) -> str:
        """The user message."""
        return row["question"] + instruction

    def parse(self, row: dict, response: str) -> dict:
        """What is kept."""
        return {"id": row["id"], "text": response}


if __name__ == "__main__":
    rows = load_dataset("parquet", data_files=rows_file, split="train")
    ask = Ask(
        model_name=model,
        backend="anthropic",
        generation_params={"max_tokens": 512, "temperature": 0.0},
        backend_params={
            "base_url": base_url + "/v1",
            "api_key": os.environ["ANTHROPIC_API_KEY"],
            "max_concurrent_requests": int(in_flight),
            "max_requests_per_minute": 10_000_000,
            "max_input_tokens_per_minute": 10_000_000_000,
            "max_output_tokens_per_minute": 10_000_000_000,
        },
    )
    answers = ask(rows)
    answers = getattr(answers, "dataset", answers)
    print("ANSWERS", sum(bool(text) for text in answers["text"]))
