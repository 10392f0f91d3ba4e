"""The images of an evaluation, or of a shard of it, scored, with progress shown."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from hypsegcli.cli.console import talk_of
from hypsegcli.cli.doubts import count_known, kinds_of_known
from hypsegcli.cli.interruption import saying_what_is_saved
from hypsegcli.cli.scored_source import ScoredSource
from hypsegcli.cli.show.progress import progress_for
from hypsegcli.files.words import as_text, count_of

if TYPE_CHECKING:
    from hypsegcli.report.asked import Asked
    from hypsegcli.report.part import Part
    from hypsegcli.truth.masks import IdMap
    from hypsegcli.truth.pairs import Pair


def score_pairs(
    pairs: Sequence[Pair],
    scored: ScoredSource,
    asked: Asked,
    *,
    only: tuple[int, ...] | None,
    id_map: IdMap | None,
    doubts: Sequence[str],
    workers: int,
    strips: bool,
    profile: bool,
    quiet: bool,
) -> Part:
    """Score pairs; `only` makes other classes void, `doubts` are sentences from before, `strips`: keep pictures."""
    import numpy as np

    from hypsegcli.cli.show.profile import print_profile
    from hypsegcli.report.part import Part
    from hypsegcli.run.profile import Profile
    from hypsegcli.scores.evaluation import Evaluation, evaluate

    palette = np.asarray(asked.colors, np.uint8) if strips else None
    part = Part.of(asked, Evaluation(asked.scheme, replicates=asked.replicates, palette=palette))
    clock = Profile(workers)
    scoring = evaluate(
        pairs,
        scored.source,
        part.evaluation,
        ignore_index=asked.ignore_index,
        workers=workers,
        id_map=id_map,
        only=only,
    )
    saved = saying_what_is_saved(
        lambda: f"{len(part.rows)} of {count_of(len(pairs), 'image')} were scored, and nothing is written of a part"
    )
    with saved, progress_for(len(pairs), quiet=quiet) as progress, closing(scoring) as rows:
        for row in rows:
            part.rows.append(row)
            progress.advance()
    part.witness = scored.source.witness()
    part.agreement = scored.agreement or part.agreement
    part.known[:] = [
        count_known(images, part.evaluation.marks) for images in kinds_of_known(scored.header, scored.measures).values()
    ]
    part.doubts, part.changed = list(map(as_text, doubts)), list(map(as_text, scored.changed()))
    talk_of(scored.source.notes(), quiet=quiet)
    if profile:
        clock.stop()
        clock.add(part.evaluation.seconds, images=len(part.rows))
        print_profile(clock)
    return part
