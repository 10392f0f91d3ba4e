"""Who does which image, and what becomes of deaths: workers here are made up, and die as they are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypsegcli.errors import DeviceError, HypsegError
from hypsegcli.files.digest import digest_of
from hypsegcli.inference.request import Request
from hypsegcli.inference.windows import Tiling
from hypsegcli.run.crew import at_work
from hypsegcli.run.hand import Gone, Message, Told
from hypsegcli.run.plan import PlannedImage
from hypsegcli.run.results import Failed, FileResult, Written
from hypsegcli.run.source import Facts

FACTS = Facts(
    request=Request(),
    kinds=("labels",),
    tiling=None,
    engine="fake 1.0",
    device="cpu, fp32",
    device_kind="cpu",
    precision="fp32",
    batch_size=1,
    workers=1,
    max_pixels=100,
)
Report = Callable[[Message], None]


def written(planned: PlannedImage) -> Written:
    return Written(planned, digest_of(b""), {}, 1, 1, {}, {}, ())


@dataclass
class Company:
    """Hires workers that finish each image at once, or die of it."""

    deadly: Callable[[str, int], bool] = lambda key, tries: False  # of an image, the nth time that it is begun
    facts: Sequence[Facts] = (FACTS,) * 2
    lazy: bool = False  # workers finish one image whenever they are given some, and the next when all is to be finished
    begun: Counter[str] = field(default_factory=Counter)
    given: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)  # place, keys
    tilings: list[Tiling | None] = field(default_factory=list)
    hired: Counter[int] = field(default_factory=Counter)  # by place
    living: int = 0
    told: list[str] = field(default_factory=list)

    def hire(self, place: int, report: Report) -> Worker:
        self.hired[place] += 1
        self.living += 1
        report(self.facts[place])
        return Worker(self, place, report)


@dataclass
class Worker:
    company: Company
    place: int
    report: Report
    is_alive: bool = True
    waiting: list[PlannedImage] = field(default_factory=list)

    def agree(self, tiling: Tiling | None) -> None:
        self.company.tilings.append(tiling)

    def give(self, images: Sequence[PlannedImage]) -> None:
        self.company.given.append((self.place, tuple(str(planned.key) for planned in images)))
        self.waiting += images
        while self.waiting and self.is_alive:
            planned = self.waiting.pop(0)
            key = str(planned.key)
            self.company.begun[key] += 1
            if self.company.deadly(key, self.company.begun[key]):
                self.end()
                self.report(Gone("killed by SIGKILL"))
            else:
                self.report(written(planned))
            if self.company.lazy:
                return

    def finish(self) -> None:
        if self.waiting and self.is_alive:
            self.report(written(self.waiting.pop(0)))
        self.report(Gone("done"))

    def end(self) -> None:
        self.company.living -= self.is_alive
        self.is_alive = False


def images(count: int, folder: Path = Path("nowhere")) -> list[PlannedImage]:
    return [
        PlannedImage(folder / f"{n}.jpg", PurePosixPath(str(n)), {"labels": folder / f"labels/{n}.png"})
        for n in range(count)
    ]


def run(company: Company, plan: Sequence[PlannedImage], out: Path = Path("nowhere")) -> list[FileResult]:
    places = [f"device {place}" for place in range(len(company.facts))]
    with at_work(company.hire, places, out=out, tell=company.told.append) as crew:
        return list(crew.results(plan, check=lambda: None, late=lambda result: pytest.fail(f"{result} came late")))


def keys(results: Sequence[FileResult]) -> list[str]:
    return sorted((str(result.planned.key) for result in results), key=int)


def test_every_image_once_and_no_worker_outlives_the_run() -> None:
    company = Company()
    assert keys(run(company, images(50))) == [str(n) for n in range(50)]
    assert company.living == 0
    assert company.told == []
    assert set(company.begun.values()) == {1}


@given(
    count=st.integers(0, 40),
    workers=st.integers(1, 4),
    poison=st.sets(st.integers(0, 39), max_size=2),
    bad_luck=st.sets(st.integers(0, 39), max_size=2),
)
def test_whatever_dies_every_image_has_one_result(
    count: int, workers: int, poison: set[int], bad_luck: set[int]
) -> None:
    """Poison kills whoever begins it; of bad luck a worker dies once."""
    company = Company(
        deadly=lambda key, tries: int(key) in poison or (int(key) in bad_luck and tries == 1),
        facts=(FACTS,) * workers,
    )
    places, late = [str(place) for place in range(workers)], list[FileResult]()
    with at_work(company.hire, places, out=Path("nowhere"), tell=company.told.append) as crew:
        try:
            results = list(crew.results(images(count), check=lambda: None, late=late.append))
        except HypsegError:
            assert len(poison | bad_luck) >= 3  # all of which may have come to one place, one after the other
            return
    assert late == []
    assert keys(results) == [str(n) for n in range(count)]
    failed = {int(str(result.planned.key)): result for result in results if isinstance(result, Failed)}
    assert {n for n in poison if n < count} <= set(failed) <= poison | bad_luck
    assert {result.code for result in failed.values()} <= {"worker"}
    assert all(tries <= 2 for tries in company.begun.values())
    assert company.living == 0


def test_an_image_of_which_two_workers_died_has_failed_and_leaves_no_maps(tmp_path: Path) -> None:
    plan = images(12, tmp_path)
    plan[3].source.touch()
    (tmp_path / "labels").mkdir()
    plan[3].outputs["labels"].write_bytes(b"half of it")
    company = Company(deadly=lambda key, _: key == "3")
    results = run(company, plan, tmp_path)
    (failed,) = [result for result in results if isinstance(result, Failed)]
    assert failed.code == "worker"
    assert failed.reason.startswith(f"{tmp_path / '3.jpg'}: two processes died while they worked on it")
    assert "killed by SIGKILL" in failed.reason
    assert not plan[3].outputs["labels"].exists()
    assert company.begun["3"] == 2
    assert any(sentence.startswith("a process on device 0 died (killed by SIGKILL)") for sentence in company.told)


def test_images_of_a_worker_that_died_are_done_again_each_alone() -> None:
    company = Company(deadly=lambda key, tries: key == "0" and tries == 1, facts=(replace(FACTS, workers=3),))
    assert keys(run(company, images(5))) == list("01234")
    first, *again = company.given
    assert first == (0, tuple("01234"))
    assert again == [(0, (key,)) for key in "43210"]


def test_where_no_image_is_finished_any_more_the_run_ends() -> None:
    company = Company(deadly=lambda *_: True)
    with pytest.raises(HypsegError, match=r"^device [01]: (9|10) processes died here .* finished no image.* resume$"):
        run(company, images(50))
    assert company.living == 0
    assert sum(company.hired.values()) <= 20


def test_neighbours_that_are_all_deadly_do_not_end_the_run() -> None:
    deadly = {"3", "4", "5", "6"}
    company = Company(deadly=lambda key, _: key in deadly, facts=[FACTS])
    results = run(company, images(20))
    assert {str(result.planned.key) for result in results if isinstance(result, Failed)} == deadly
    assert len(results) == 20


def test_workers_that_die_before_they_are_ready_end_the_run() -> None:
    company = Company()

    def hire(place: int, report: Report) -> Worker:
        worker = Worker(company, place, report)
        report(Gone("exit code 127"))
        return worker

    with pytest.raises(HypsegError, match="3 processes died here"), at_work(hire, ["cpu"], out=Path(), tell=print):
        pass


def test_what_a_worker_raises_is_raised_here_and_what_it_tells_is_told_once() -> None:
    company = Company()

    def hire(place: int, report: Report) -> Worker:
        report(Told("converting"))
        report(DeviceError("no such device") if place else FACTS)
        return Worker(company, place, report)

    told: list[str] = []
    with pytest.raises(DeviceError, match="no such device"), at_work(hire, "ab", out=Path(), tell=told.append):
        pass
    assert told == ["converting"]


class Broken(Worker):
    """Reports what it cannot go on after, and nothing more."""

    def give(self, images: Sequence[PlannedImage]) -> None:
        if images:
            self.report(RuntimeError("a defect"))

    def finish(self) -> None:
        """It has nothing to finish, and says nothing."""


def test_what_a_worker_raises_in_its_work_ends_the_run_and_nobody_waits_for_it() -> None:
    company = Company()

    def hire(place: int, report: Report) -> Worker:
        report(FACTS)
        company.living += 1
        return (Broken if place else Worker)(company, place, report)

    with (
        at_work(hire, "ab", out=None, tell=print) as crew,
        pytest.raises(RuntimeError, match="a defect"),
    ):
        list(crew.results(images(9), check=lambda: None, late=lambda result: None))
    assert company.living == 0


def test_all_take_the_windows_that_the_smallest_memory_allows() -> None:
    facts = [replace(FACTS, tiling=Tiling(tile=512, overlap=64, above=above)) for above in (900, 400, 700)]
    company = Company(facts=facts)
    with at_work(company.hire, "abc", out=Path(), tell=print) as crew:
        assert crew.facts.tiling == Tiling(tile=512, overlap=64, above=400)
        assert crew.facts.recipe == facts[0].recipe
        assert (crew.facts.workers, crew.facts.processes, crew.facts.device) == (3, 3, "3 x cpu, fp32")
    assert company.tilings == [crew.facts.tiling] * 3


def test_devices_that_compute_otherwise_are_refused() -> None:
    company = Company(facts=[FACTS, replace(FACTS, precision="bf16", device="cpu, bf16")])
    with pytest.raises(HypsegError, match=r"^device 1: computes otherwise than device 0 \(fake 1.0, cpu, bf16; "):
        run(company, [])


def test_the_last_images_are_spread_over_all() -> None:
    """A worker that hoards would have the others wait for it in the end."""
    company = Company(facts=(replace(FACTS, workers=8),) * 4)
    run(company, images(8))
    assert company.given == [(place, (str(2 * place), str(2 * place + 1))) for place in range(4)]


def test_closed_early_what_is_begun_is_finished_and_handed_over() -> None:
    company = Company(lazy=True)
    late: list[FileResult] = []
    with at_work(company.hire, "ab", out=Path(), tell=print) as crew:
        results = crew.results(images(40), check=lambda: None, late=late.append)
        first = next(results)
        results.close()
        assert company.living == 0
    assert late[0] == first  # which whoever closed it may not have come to
    assert len(set(keys(late))) == len(late) == 4  # the other worker's first, and one that each had begun
    assert sum(len(given) for _, given in company.given) > 4


def test_where_the_folder_is_lost_a_failure_removes_nothing(tmp_path: Path) -> None:
    plan = images(1, tmp_path)
    plan[0].source.touch()
    (tmp_path / "labels").mkdir()
    plan[0].outputs["labels"].touch()
    company = Company(deadly=lambda *_: True, facts=[FACTS])

    def check() -> None:
        raise HypsegError("another run's")

    with (
        pytest.raises(HypsegError, match="another run's"),
        at_work(company.hire, "a", out=tmp_path, tell=print) as crew,
    ):
        list(crew.results(plan, check=check, late=print))
    assert plan[0].outputs["labels"].exists()
