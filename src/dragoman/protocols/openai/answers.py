"""What the answers of one call have in common."""

from typing import Any

from dragoman.protocols.openai.reading import TextDraft


def head_of(draft: TextDraft, kind: str, version: int | None) -> dict[str, Any]:
    """The keys before the choices."""
    return {
        "id": draft.id,
        "object": kind,
        "created": draft.created_s,
        "model": draft.asked_name or draft.target.model,
        "system_fingerprint": f"{draft.engine}-{version}",
    }
