"""Several workers that share the images of a run, whatever they run in: who does which, and what becomes of deaths.

A worker has a few images at a time, and gets another one for each that comes back. Where one dies, another takes its
place, and what it had begun is done again, an image at a time: so it is known of which the next one dies, and that has
failed. A worker that dies again and again without having finished anything ends the run.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import SimpleQueue

from hypsegcli.errors import HypsegError, setting
from hypsegcli.files.atomic import sweep
from hypsegcli.files.kinds import folders_of_kinds
from hypsegcli.files.words import count_of
from hypsegcli.run.hand import Gone, Hand, Hire, Message, Told
from hypsegcli.run.plan import PlannedImage
from hypsegcli.run.process import clear
from hypsegcli.run.results import Failed, FileResult, Written
from hypsegcli.run.source import Facts

# Deaths at one place, and images that have failed of them there, with no image that was finished between them.
_MOST_DEATHS, _MOST_FAILED = 3, 8


@dataclass(eq=False)
class _Member:
    place: int
    hand: Hand | None = None  # None until it is hired, and once it is gone
    facts: Facts | None = None  # None until it is ready
    images: dict[str, PlannedImage] = field(default_factory=dict)  # that it has, by key
    is_alone_with_one: bool = False  # which it may die of, as another worker has

    def take_back(self) -> list[PlannedImage]:
        """What it had and has not done."""
        images = list(self.images.values())
        self.images.clear()
        return images


@contextmanager
def at_work(
    hire: Hire, places: Sequence[str], *, out: Path | None, at_once: int = 1, tell: Callable[[str], None]
) -> Iterator[Crew]:
    """A crew whose workers are ready, one for each of `places`, which are names for people; none outlives the block.

    `out` is the folder in which the hidden files of dead workers are removed. `at_once` is how many images a worker is
    given at least, as long as there are so many; `tell` hears of what takes long, and of deaths. Raises what a worker
    raises that cannot be made ready.
    """
    crew = Crew(hire, places, out=out, at_once=at_once, tell=tell)
    try:
        crew.get_ready()
        yield crew
    finally:
        crew.end()


class Crew:
    """A source of results: see `at_work`."""

    facts: Facts

    def __init__(
        self, hire: Hire, places: Sequence[str], *, out: Path | None, at_once: int, tell: Callable[[str], None]
    ) -> None:
        self._hire, self._places, self._out, self._at_once, self._tell = hire, places, out, at_once, tell
        self._news: SimpleQueue[tuple[_Member, Message]] = SimpleQueue()
        self._members = [_Member(place) for place in range(len(places))]
        self._told: set[str] = set()
        # By place, since a worker there has last finished an image: deaths, and images that explain one.
        self._deaths, self._failed = Counter[int](), Counter[int]()
        self._has_lost = False  # any worker, which may have left hidden files
        self._agreed: Facts | None = None
        self._todo: deque[PlannedImage] = deque()
        self._suspects: deque[PlannedImage] = deque()  # that were with a worker which died

    def get_ready(self) -> None:
        """Hire all workers, and let them agree."""
        for member in self._members:
            self._hire_for(member)
        while not all(member.facts for member in self._members):
            self._take(*self._news.get())
        every = [member.facts for member in self._members if member.facts is not None]
        # Windows as the device with the least memory needs them: no image is to depend on where it is done.
        tilings = [facts.tiling for facts in every if facts.tiling is not None]
        tiling = min(tilings, key=lambda tiling: tiling.above) if tilings else None
        self._agreed = replace(every[0], tiling=tiling)
        for member in self._members:
            self._agree(member)
        labels = Counter(facts.device for facts in every)
        self.facts = replace(
            self._agreed,
            device="; ".join(f"{count} x {label}" if count > 1 else label for label, count in labels.items()),
            workers=sum(facts.workers for facts in every),
            processes=len(every),
        )

    def results(
        self,
        images: Sequence[PlannedImage],
        *,
        check: Callable[[], None],
        late: Callable[[FileResult], None],
    ) -> Generator[FileResult, None, None]:
        """As in `Source`. Raises HypsegError where workers die and finish nothing."""
        self._todo.extend(images)
        has_ended = False
        result: FileResult | None = None
        try:
            while self._share_out():
                result = self._take(*self._news.get())
                if isinstance(result, Failed) and result.code == "worker":
                    check()
                    clear(result)
                if result is not None:
                    yield result
                    result = None
                self._bear_deaths()
            has_ended = True
        finally:
            if not has_ended:
                if result is not None:  # whoever was to have it may have been interrupted before
                    late(result)
                self._wind_up(late)
            if self._has_lost and self._out is not None:
                sweep(self._out, folders_of_kinds(self._out))

    def end(self) -> None:
        """End all workers at once; they have nothing to do any more."""
        for member in self._members:
            if member.hand is not None:
                member.hand.end()

    def _hire_for(self, member: _Member) -> None:
        member.facts, member.is_alone_with_one = None, False
        new = _Member(member.place)  # news of the one before do not count any more
        self._members[member.place] = new
        new.hand = self._hire(member.place, lambda message: self._news.put((new, message)))

    def _agree(self, member: _Member) -> None:
        assert self._agreed is not None
        assert member.hand is not None
        assert member.facts is not None
        if member.facts.recipe != self._agreed.recipe:
            raise HypsegError(
                f"{self._places[member.place]}: computes otherwise than {self._places[0]} ({member.facts.engine}, "
                f"{member.facts.device}; {self._agreed.engine}, {self._agreed.device}), so that images would depend on "
                f"where they are done; name devices of one kind, and {setting('engine')} and {setting('precision')}"
            )
        member.hand.agree(self._agreed.tiling)

    def _share_out(self) -> bool:
        """Give workers what they may have; whether there is anything that is not done."""
        begun = sum(len(member.images) for member in self._members)
        fair = -(-(len(self._todo) + begun) // len(self._members))  # so that all end at about the same time
        for member in self._members:
            if member.facts is None or member.is_alone_with_one:
                continue
            if self._suspects and not member.images:
                member.is_alone_with_one = True
                self._give(member, [self._suspects.popleft()])
                continue
            facts = member.facts
            # As many as are on their way at once from file to files, so that no stage waits for another image.
            most = max(2 * (facts.workers + facts.batch_size + 1), 2 * self._at_once)
            room = min(most, max(fair, 1)) - len(member.images)
            if room >= min(self._at_once, max(fair, 1)) and self._todo:
                self._give(member, [self._todo.popleft() for _ in range(min(room, len(self._todo)))])
        return bool(self._todo or self._suspects or any(member.images for member in self._members))

    def _give(self, member: _Member, images: list[PlannedImage]) -> None:
        assert member.hand is not None
        member.images |= {str(planned.key): planned for planned in images}
        member.hand.give(images)

    def _take(self, member: _Member, message: Message) -> FileResult | None:
        """What a worker's news mean; the result of an image where they are that."""
        if member is not self._members[member.place]:
            return None
        match message:
            case Told(sentence):
                if sentence not in self._told:
                    self._told.add(sentence)
                    self._tell(sentence)
            case Facts():
                member.facts = message
                if self._agreed is not None:
                    self._agree(member)
            case Gone(how):
                return self._lose(member, how)
            case BaseException():
                self._end_one(member)  # who says so has nothing more to say
                raise message
            case _:
                self._deaths[member.place] = self._failed[member.place] = 0
                member.is_alone_with_one = False
                return replace(message, planned=member.images.pop(str(message.planned.key)))
        return None

    def _lose(self, member: _Member, how: str) -> Failed | None:
        """Let another worker take the place of one that died; an image that two have died of has failed."""
        images, was_alone, place = member.take_back(), member.is_alone_with_one, member.place
        self._has_lost = True
        again = "" if was_alone or not images else f"; {count_of(len(images), 'image')} begun by it, to be done again"
        self._tell(f"a process on {self._places[place]} died ({how}){again}")
        self._end_one(member)
        failed = None
        if was_alone and images:
            reason = (
                f"{images[0].name}: two processes died while they worked on it, the second one {how}; see whether "
                f"there is memory for it, try it alone, or leave it out"
            )
            failed = Failed(images[0], reason, "worker")
            self._failed[place] += 1
        else:
            self._suspects.extend(reversed(images))  # it mostly dies of one of the first
            self._deaths[place] += 1
        if self._deaths[place] < _MOST_DEATHS and self._failed[place] < _MOST_FAILED:
            self._hire_for(member)
        elif failed is None:
            self._bear_deaths()
        return failed

    def _bear_deaths(self) -> None:
        for place, name in enumerate(self._places):
            if self._deaths[place] >= _MOST_DEATHS or self._failed[place] >= _MOST_FAILED:
                raise HypsegError(
                    f"{name}: {self._deaths[place] + self._failed[place]} processes died here one after the other and "
                    f"finished no image, so that the run has ended; see whether the machine has memory for as many as "
                    f"{setting('device')} names, and go on with {setting('resume')}"
                )

    def _wind_up(self, late: Callable[[FileResult], None]) -> None:
        """Let workers finish what they have begun, and hand it over."""
        self._todo.clear()
        self._suspects.clear()
        for member in self._members:
            if member.facts is None:
                self._end_one(member)
            elif member.hand is not None:
                member.hand.finish()
        while any(member.hand for member in self._members):
            member, message = self._news.get()
            if member is not self._members[member.place]:
                continue
            if isinstance(message, Gone | BaseException):
                self._end_one(member)
            elif isinstance(message, Written | Failed) and str(message.planned.key) in member.images:
                late(replace(message, planned=member.images.pop(str(message.planned.key))))

    def _end_one(self, member: _Member) -> None:
        if member.hand is not None:
            member.hand.end()
            member.hand = None
