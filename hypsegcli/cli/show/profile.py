"""`--profile`: a table of where the time went, and the option that would move the stage that everything waits for."""

from __future__ import annotations

from hypsegcli.cli.console import talk
from hypsegcli.run.profile import Profile

# What would move each stage.
_CURES = {
    "decode": "--workers, or smaller files",
    "network": "--device, --precision, --engine, --longest-side or --batch-size",
    "stream": "--device, --precision or --engine",
    "reduce": "--device, or fewer measures with --measure",
    "dropout": "fewer passes with --mc-dropout, or --device",
    "count": "--bootstrap 0, which leaves out the intervals",
    "encode": "fewer kinds with --save, or --workers",
    "write": "fewer kinds with --save, or a faster disk for --out",
}


def print_profile(profile: Profile) -> None:
    """A table and a sentence, to stderr."""
    if not profile.images:
        return

    from hypsegcli.cli.show.tables import print_table

    wall, images = profile.wall, profile.images
    threads = f"{profile.workers} threads to decode" if profile.workers else "one thread for everything"
    rows = [
        (stage, f"{seconds:.2f}", f"{1000 * seconds / images:.1f}", f"{100 * seconds / wall:.1f}")
        for stage, seconds in profile.seconds.items()
        if seconds
    ]
    header = ("stage", "busy seconds", "ms an image", "% of the time")
    print_table(f"{images} images in {wall:.2f} s, {threads}", header, rows, line_out=talk)
    beside = ""
    if forward := profile.seconds.get("network"):
        forward /= profile.processes
        beside = f"; the network alone does {profile.forwarded / forward:.2f}, of which this is {forward / wall:.2f}"
    stage = profile.bottleneck()
    talk(f"{images / wall:.2f} images a second{beside}")
    talk(f"{stage} is the bottleneck; what would move it: {_CURES[stage]}")
