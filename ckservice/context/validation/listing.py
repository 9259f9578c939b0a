"""From what is wrong to the list that is shown: with lines, in order, and not without end."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from json.encoder import encode_basestring_ascii

from ckservice.context.files import Entity
from ckservice.context.finding import Finding, FindingSeverity
from ckservice.context.validation.examination import Examination
from ckservice.context.validation.issue import MAX_FINDINGS, Issue, counted, is_explained

_MAX_BYTES = 6 * 1024 * 1024
"""Of all findings together, so that an answer stays below 8 MiB."""

_OBJECT_BYTES = 160
"""Of a finding on the wire beside its texts: keys, numbers, punctuation."""

_BY_SEVERITY: Sequence[FindingSeverity] = ("error", "warning", "info")


def list_findings(
    others: Iterable[Finding], examined: Mapping[str, Examination], issues: Iterable[tuple[Entity, Issue]]
) -> tuple[list[Finding], Counter[FindingSeverity]]:
    """All findings by file, line, column and message, and how many of each severity there are.

    Of one file at most a hundred are listed, and one that says how many more there are; so for the list as a whole. The
    count holds them all.

    Args:
        others: that are not about the content of entities.
        examined: by path, in the order of the paths.
        issues: beside those that are in the examinations already.
    """
    findings, counts = _of_others(others)
    by_file: dict[str, list[tuple[Entity, Issue]]] = {}
    for entity, issue in issues:
        # What is wrong with a value in itself explains whatever else is.
        if not is_explained(issue.path, examined[entity.path].wrong.get(entity.document, ())):
            by_file.setdefault(entity.path, []).append((entity, issue))
    for path, examination in examined.items():
        if path not in by_file and not examination.findings:
            continue
        found, omitted = _of_file(examination, by_file.get(path, []))
        counts.update(finding.severity for finding in found)
        counts.update(omitted)
        findings += found
        if omitted:
            findings.append(_more(found[-1], omitted))
    return _within_limit(sorted(findings, key=_place)), counts


def _of_others(others: Iterable[Finding]) -> tuple[list[Finding], Counter[FindingSeverity]]:
    by_file: dict[str, list[Finding]] = {}
    for finding in others:
        by_file.setdefault(finding.file, []).append(finding)
    findings: list[Finding] = []
    counts: Counter[FindingSeverity] = Counter()
    for found in by_file.values():
        severities = sorted((finding.severity for finding in found), key=_BY_SEVERITY.index)
        counts.update(severities)
        findings += sorted(found, key=lambda finding: _BY_SEVERITY.index(finding.severity))[:MAX_FINDINGS]
        if len(found) > MAX_FINDINGS:
            findings.append(_more(findings[-1], severities[MAX_FINDINGS:]))
    return findings, counts


def _of_file(
    examination: Examination, issues: list[tuple[Entity, Issue]]
) -> tuple[list[Finding], list[FindingSeverity]]:
    """What is listed of one file, and the severities of the rest."""
    room = max(MAX_FINDINGS - len(examination.findings), 0)
    if len(issues) > room:
        issues = sorted(issues, key=lambda pair: _BY_SEVERITY.index(pair[1].severity))
    found = [*examination.findings, *(examination.finding(entity, issue) for entity, issue in issues[:room])]
    return found, [*examination.omitted, *(issue.severity for _, issue in issues[room:])]


def _within_limit(findings: list[Finding]) -> list[Finding]:
    """The findings that there is room for, the gravest first to be chosen."""
    room = _MAX_BYTES
    listed: set[int] = set()
    for place in sorted(range(len(findings)), key=lambda place: _BY_SEVERITY.index(findings[place].severity)):
        finding = findings[place]
        room -= size_on_wire(finding.file, finding.message, finding.entity_id)
        if room < 0:
            break
        listed.add(place)
    if len(listed) == len(findings):
        return findings
    omitted = [finding for place, finding in enumerate(findings) if place not in listed]
    shown = [finding for place, finding in enumerate(findings) if place in listed]
    return sorted(
        [*shown, _more(omitted[0], [finding.severity for finding in omitted], "from this file on")], key=_place
    )


def size_on_wire(*texts: str | None) -> int:
    """Bytes of an object that holds these texts, all but ASCII escaped."""
    return _OBJECT_BYTES + sum(len(encode_basestring_ascii(text)) for text in texts if text is not None)


def _more(beside: Finding, omitted: Sequence[FindingSeverity], where: str = "in this file") -> Finding:
    update = {
        "message": f"{counted(len(omitted), 'more finding')} {where} {'is' if len(omitted) == 1 else 'are'} not listed",
        "severity": min(omitted, key=_BY_SEVERITY.index),
    }
    return beside.model_copy(update=update)


def _place(finding: Finding) -> tuple[str, int, int, str]:
    return finding.file, finding.line, finding.column, finding.message
