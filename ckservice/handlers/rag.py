"""Search in the repository, and answers from it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from math import inf
from time import perf_counter

from ckservice.answering.answering import Answered, answer
from ckservice.answering.prompting import fitting
from ckservice.app import Service
from ckservice.jsonrpc.call import Call
from ckservice.protocol import stream
from ckservice.protocol.rag import (
    Citation,
    ClearIndexResult,
    IndexParams,
    QueryMetadata,
    QueryParams,
    QueryResult,
    SearchParams,
    SearchResult,
    SimilarParams,
)
from ckservice.protocol.repository import RepositoryParams
from ckservice.retrieval.model import IndexCounts, IndexStatus, RagSource
from ckservice.retrieval.ranking.search import Query, Results, Source
from ckservice.retrieval.repository_index import RepositoryIndex
from ckservice.types import AnswerEvent, Progress, ReasoningDelta, TextDelta


async def index(service: Service, call: Call, params: IndexParams) -> IndexCounts:
    repository_index = await _index_of(service, params)
    return await repository_index.update(partial(_tell, call), rebuild=params.rebuild, embed=params.embed)


async def search(service: Service, call: Call, params: SearchParams) -> SearchResult:
    started = perf_counter()
    repository_index = await _index_of(service, params)
    is_fresh = await repository_index.freshen(call.connection.start_soon, partial(_tell, call))
    results = await repository_index.search(
        Query(
            params.query,
            params.top_k,
            entity_types=params.entity_types,
            path_prefix=params.path_prefix or "",
            mode=params.mode,
            min_score=params.min_score,
        ),
        call.connection.start_soon,
    )
    return await _search_result(repository_index, results, started, is_fresh=is_fresh)


async def similar(service: Service, call: Call, params: SimilarParams) -> SearchResult:
    started = perf_counter()
    repository_index = await _index_of(service, params)
    is_fresh = await repository_index.freshen(call.connection.start_soon, partial(_tell, call))
    results = await repository_index.similar(params.entity_id, params.top_k, call.connection.start_soon)
    return await _search_result(repository_index, results, started, is_fresh=is_fresh)


async def query(service: Service, call: Call, params: QueryParams) -> QueryResult:
    started = perf_counter()
    config = service.gateway.resolve(params.config)
    repository_index = await _index_of(service, params)
    is_fresh = await repository_index.freshen(call.connection.start_soon, partial(_tell, call), patience=inf)
    results = await repository_index.search(
        Query(params.query, params.top_k, entity_types=params.entity_types, path_prefix=params.path_prefix or ""),
        call.connection.start_soon,
    )
    given = fitting(params.query, results.sources)
    sources = [_rag_source(source) for source in given]
    for source in sources:
        await call.send(stream.SOURCE, source=source)
    retrieved = perf_counter()
    answered = await _stream_answer(call, answer(service.gateway, params.query, given, config))
    await call.send(stream.USAGE, usage=answered.answer.usage)
    return QueryResult(
        answer=answered.text,
        answered=bool(answered.citations),
        sources=sources,
        citations=[Citation(source_index=source, start=start, end=end) for source, start, end in answered.citations],
        metadata=QueryMetadata(
            retrieval_time_ms=_milliseconds(retrieved - started),
            generation_time_ms=_milliseconds(perf_counter() - retrieved),
            model=answered.answer.model,
            provider=answered.answer.provider,
            usage=answered.answer.usage,
            finish_reason=answered.answer.finish_reason,
            mode=results.mode,
            stale=not is_fresh,
        ),
    )


async def status(service: Service, _call: Call, params: RepositoryParams) -> IndexStatus:
    return await (await _index_of(service, params)).status()


async def clear(service: Service, _call: Call, params: RepositoryParams) -> ClearIndexResult:
    repository_index = await _index_of(service, params)
    existed = await repository_index.indexed_at() is not None
    freed = await repository_index.clear()
    return ClearIndexResult(cleared=existed or freed > 0, freed_bytes=freed)


async def _index_of(service: Service, params: RepositoryParams) -> RepositoryIndex:
    repository = await service.repositories.find(params.repo_path)
    return service.indexes.of(repository.root)


async def _tell(call: Call, progress: Progress) -> None:
    await call.send(
        stream.PROGRESS,
        phase=progress.phase,
        message=progress.message,
        completed=progress.completed,
        total=progress.total,
    )


async def _stream_answer(call: Call, events: AsyncGenerator[AnswerEvent | Answered]) -> Answered:
    """Tell the host what happens until the answer is whole."""
    async with aclosing(events):
        async for event in events:
            match event:
                case TextDelta():
                    await call.send_text(stream.TOKEN, event.text)
                case ReasoningDelta():
                    await call.send_text(stream.REASONING, event.text)
                case Progress():
                    await _tell(call, event)
                case Answered():
                    return event
    raise AssertionError("an answer ends with itself or an error")


async def _search_result(
    repository_index: RepositoryIndex, results: Results, started: float, *, is_fresh: bool
) -> SearchResult:
    return SearchResult(
        sources=[_rag_source(source) for source in results.sources],
        mode=results.mode,
        indexed_at=await repository_index.indexed_at(),
        stale=not is_fresh,
        retrieval_time_ms=_milliseconds(perf_counter() - started),
    )


def _rag_source(source: Source) -> RagSource:
    return RagSource(
        entity_id=source.entity_id,
        entity_type=source.entity_type,
        title=source.title,
        file_path=source.path,
        start_line=source.first_line,
        end_line=source.last_line,
        relevance_score=round(source.relevance, 4),
        excerpt=source.excerpt.text,
        matched_by=list(source.matched_by),
    )


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)
