"""`hypseg review`: the doubtful places of a run, looked at in a browser and judged."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from hypsegcli.cli.console import say, talk
from hypsegcli.cli.groups import spread
from hypsegcli.files.words import count_of


@spread
def review(
    *,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What uncertainty wrote.")],
    port: Annotated[
        int,
        typer.Option(
            "--port", metavar="N", min=0, max=65535, help="Where the page is served.", show_default="any that is free"
        ),
    ] = 0,
) -> None:
    """Serve the page of a run's doubtful places until Ctrl-C."""
    from hypsegcli.files.place import locate
    from hypsegcli.review.server import Server
    from hypsegcli.review.session import Session

    session = Session(locate(folder))
    server = Server(session, port)
    for notice in session.facts()["notices"]:
        talk(notice)
    talk(f"{_so_far(session.progress(), len(session.places))}; open this address in a browser of this machine:")
    say(server.address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:  # the way in which it is meant to end
        server.server_close()
        session.close()
        for notice in session.outdated():
            talk(notice)
        so_far = _so_far(session.progress(), len(session.places))
        if not len(session.verdicts):
            talk(so_far)
        else:
            talk(f"{so_far}, in {session.verdicts.path}")
            if session.progress()["wrong"]:
                given = shlex.join([str(folder), f"@{session.verdicts.path}"])
                talk(f"next: hypseg annotate {given} --to cvat --out corrections.zip")


def _so_far(progress: dict[str, int], places: int) -> str:
    judged = sum(progress.values())
    return f"{judged} of {count_of(places, 'place')} judged: {progress['wrong']} wrong, {progress['right']} right"
