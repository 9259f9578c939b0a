"""What models of embeddings want to read before a text, so that they know whether it asks or answers.

They were trained with these words, and find less without them.
"""

import re
from typing import NamedTuple


class Prompts(NamedTuple):
    """What goes before a question, and before a text that may answer it."""

    question: str = ""
    text: str = ""


_SEARCHING = Prompts("Represent this sentence for searching relevant passages: ")

_PROMPTS = (
    # https://huggingface.co/nomic-ai/nomic-embed-text-v1#task-instruction-prefixes
    (r"nomic-embed-text", Prompts("search_query: ", "search_document: ")),
    # https://huggingface.co/intfloat/e5-base-v2#faq; those that end on `-instruct` are another kind.
    (r"\be5-(small|base|large)(-v2)?$", Prompts("query: ", "passage: ")),
    # https://mixedbread.ai/docs/embeddings/mxbai-embed-large-v1
    (r"mxbai-embed-large", _SEARCHING),
    # https://huggingface.co/Snowflake/snowflake-arctic-embed-l-v2.0
    (r"arctic-embed2|arctic-embed-.*v2\.0", Prompts("query: ")),
    # https://huggingface.co/Snowflake/snowflake-arctic-embed-m-v1.5
    (r"arctic-embed", _SEARCHING),
    # https://huggingface.co/BAAI/bge-large-en-v1.5; bge-m3 wants nothing.
    (r"\bbge-(small|base|large)(-en)?(-v1\.5)?$", _SEARCHING),
    # https://huggingface.co/google/embeddinggemma-300m
    (r"embeddinggemma", Prompts("task: search result | query: ", "title: none | text: ")),
    # https://huggingface.co/Qwen/Qwen3-Embedding-0.6B
    (
        r"qwen3-embedding",
        Prompts("Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "),
    ),
)
"""By what is in the name of a model; the first one counts."""


def prompts_for(model: str) -> Prompts:
    """What a model wants to read, by its name, in whatever way a server spells it; most want nothing.

    Args:
        model: as `nomic-embed-text:latest` or `nomic-ai/nomic-embed-text-v1.5`.
    """
    name = model.lower().rpartition("/")[2].partition(":")[0]
    return next((prompts for pattern, prompts in _PROMPTS if re.search(pattern, name)), Prompts())
