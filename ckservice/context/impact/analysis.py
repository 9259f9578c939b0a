"""Impact analysis: from what changed to what has to be looked at again."""

from collections.abc import Sequence
from functools import partial

from ckservice.context.git.repository import Git
from ckservice.context.impact.assessment import assess
from ckservice.context.impact.base import read_base
from ckservice.context.impact.model import Impact
from ckservice.context.repositories import Repositories
from ckservice.context.repository import Repository
from ckservice.errors import GitFailed, InvalidArguments


async def analyze(
    repositories: Repositories,
    repository: Repository,
    git: Git,
    *,
    entity_ids: Sequence[str] | None,
    base: str,
    depth: int,
) -> Impact:
    """Compare a repository with one of its revisions, or take entities as changed, and follow the links.

    Before the first commit everything is new. Entities that are taken as changed need no Git; with it, what has really
    changed of them is told, and only that counts.

    Args:
        repositories: reads the one that is meant.
        repository: to look at.
        git: of its directory.
        entity_ids: of those to take as changed; all that really are where left out.
        base: the revision to compare with.
        depth: links to follow.

    Raises:
        EntityNotFound: one of the ids is not there, and was not.
        InvalidArguments: there is no such revision.
        GitFailed: Git can't be used, and no ids are given.
    """
    now = await repositories.run(repository.snapshot)
    commit, before = None, now.files
    try:
        commit = await _resolve(git, base)
        before = await read_base(repositories, git, commit, now.files) if commit is not None else {}
    except GitFailed as error:
        if entity_ids is None:
            message = f"{error.message} Without it, `entityIds` can name what to take as changed."
            raise GitFailed(message, user_message=error.user_message) from None
        commit = None
    work = partial(assess, now, before, entity_ids=entity_ids, commit=commit, depth=depth)
    return await repositories.run(work)


async def _resolve(git: Git, base: str) -> str | None:
    """The commit to compare with; `None` before the first one."""
    commit = await git.resolve(base)
    if commit is None and not await git.is_unborn(base):
        message = "there is no commit of that name, or several begin like it"
        if (await git.open()).is_shallow:
            message += "; this clone is shallow, and `git fetch --unshallow` brings older commits"
        raise InvalidArguments([{"path": "base", "message": message}])
    return commit
