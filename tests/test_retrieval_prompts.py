"""What models of embeddings want to read before a text, by the names that servers give them."""

import pytest

from ckservice.retrieval.embedding.prompts import Prompts, prompts_for

pytestmark = pytest.mark.source

SEARCHING = Prompts("Represent this sentence for searching relevant passages: ")
NOMIC = Prompts("search_query: ", "search_document: ")
E5 = Prompts("query: ", "passage: ")

CASES = {
    "nomic-embed-text": NOMIC,
    "nomic-embed-text:v1.5": NOMIC,
    "nomic-ai/nomic-embed-text-v1.5": NOMIC,
    "text-embedding-nomic-embed-text-v1.5": NOMIC,
    "nomic-embed-text-v2-moe": NOMIC,
    "nomic-embed-code": Prompts(),
    "intfloat/e5-base-v2": E5,
    "jeffh/intfloat-multilingual-e5-large:f16": E5,
    "multilingual-e5-large-instruct": Prompts(),
    "e5-mistral-7b-instruct": Prompts(),
    "mxbai-embed-large": SEARCHING,
    "mixedbread-ai/mxbai-embed-large-v1": SEARCHING,
    "snowflake-arctic-embed:335m": SEARCHING,
    "Snowflake/snowflake-arctic-embed-m-v1.5": SEARCHING,
    "snowflake-arctic-embed2": Prompts("query: "),
    "Snowflake/snowflake-arctic-embed-l-v2.0": Prompts("query: "),
    "bge-large": SEARCHING,
    "BAAI/bge-small-en-v1.5": SEARCHING,
    "bge-m3": Prompts(),
    "bge-large-zh-v1.5": Prompts(),
    "text-embedding-3-small": Prompts(),
    "text-embedding-ada-002": Prompts(),
    "all-minilm": Prompts(),
    "": Prompts(),
}


@pytest.mark.parametrize("model", CASES)
def test_a_model_is_known_however_it_is_spelled(model: str) -> None:
    assert prompts_for(model) == CASES[model]


def test_instructions_end_where_the_question_begins() -> None:
    assert prompts_for("qwen3-embedding:0.6b").question.endswith("\nQuery: ")
    assert prompts_for("embeddinggemma") == Prompts("task: search result | query: ", "title: none | text: ")
