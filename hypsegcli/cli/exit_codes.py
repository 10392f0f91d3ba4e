"""What hypseg leaves its process with.

0    everything asked for was done
1    nothing could be done (no image succeeded, a checkpoint or data folder is unusable)
2    the command cannot be carried out as given; nothing was written
3    some images were done, some failed
4    a score missed the bound that --fail-under or --fail-over set
5    stopped, for more images failed than --max-failures allows; what was finished is whole, and --resume continues
130  interrupted; what was finished is whole, and --resume continues
"""

from __future__ import annotations

from hypsegcli.errors import DeviceError, HypsegError, UsageError

DONE, NOTHING_DONE, REFUSED, PARTLY_DONE, BOUND_MISSED, STOPPED, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130


def code_of_error(error: HypsegError) -> int:
    """Where an error ended the command."""
    return REFUSED if isinstance(error, UsageError | DeviceError) else NOTHING_DONE


def code_of_run(*, done: int, failed: int) -> int:
    """Where a run went through all of its images."""
    if not failed:
        return DONE
    return PARTLY_DONE if done else NOTHING_DONE
