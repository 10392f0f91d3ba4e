"""Histories of an output folder at random, and the laws that hold in every one of them.

Photographs come, go, change and are damaged; runs, shards of runs and mergings of them come into one folder, with other
settings, checkpoints and formats, and are killed, interrupted, or find the disk full, at any change of a file; maps are
lost, or a bit of them flips; somebody puts files of her own there. The model knows what a user knows, and no book.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hypsegcli.files.books import MANIFEST, RANKING, REVIEW, RUN, TABLES
from hypsegcli.files.digest import digest_file
from hypsegcli.files.shard import parse_shard
from support.forked import HANGS, Ended, Fault, hypseg
from support.variants import BROKEN, ENGINE, PICTURES, STACKS, VARIANTS, World, lines_of

DONE, PARTIAL, REFUSED = 0, 3, 2  # exit codes
CODES = {DONE, 1, REFUSED, PARTIAL, 5, 130}
KILLED = -9
NAMES = [*(f"photos/{name}.png" for name in ("a", "b", "sub/c", "sub/d", "e")), "more/m.png", "more/sub/n.png"]
STACK = "photos/s.tif"


class History:
    """One of them; `log` tells it, `problems` where a law did not hold."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.chance = world, random.Random(seed)
        self.folder = world.folder / f"history-{seed}"
        self.out = self.folder / "out"
        self.log: list[str] = []
        self.problems: list[str] = []
        self._files: dict[str, str] = {}  # photographs, and which picture of the pool each is
        self._asked: set[str] = set()  # those that a run was asked for that came to its end, as they are now
        self._wanted: dict[str, set[str]] = {}  # the variants of which a photograph's maps may be, if all is done
        self._own: dict[str, bytes] = {}  # somebody's own files in the output folder
        self._spoilt: set[str] = set()  # maps that are lost or changed
        self._is_removed = False  # a photograph, or a page of one
        self._has_tables = False  # or may have had them
        self._variant, self._inputs, self._shards = "labels", ["photos"], 2
        for folder in ("photos/sub", "more/sub"):  # an empty one might be out of reach
            (self.folder / folder).mkdir(parents=True)
            (self.folder / folder / "notes.txt").touch()
        for name in ("photos/a.png", "more/m.png", *self.chance.sample(NAMES[1:5], 2)):
            self._put(name, self.chance.choice(PICTURES))
        if self.chance.random() < 0.4:
            self._put(STACK, "two.tif")

    def go(self, steps: int) -> None:
        """So many commands, and what happens between them; then one that does what is left to be done."""
        for _ in range(steps):
            if self.chance.random() < 0.5:
                self._meddle()
            self._command()
        self._finish()

    def _finish(self) -> None:
        """Mend what is broken, take away what is somebody's, and let one run do all: nothing may be amiss."""
        for name, picture in list(self._files.items()):
            if picture == BROKEN:
                self._put(name, PICTURES[0])
        for name in self._own:
            (self.out / name).unlink()
        self._own.clear()
        self._inputs = ["photos", "more"]
        ended = self._run("--resume")
        # Refused are fewer kinds of maps than there are; maps of what is no longer there stay until then.
        if ended.code == REFUSED or self._is_removed:
            ended = self._run("--overwrite")
        if ended.code != DONE:
            self._tell(f"the last run ends with {ended.code}")
        found = json.loads(hypseg(["verify", "out", "--json"], self.folder).text)
        # A map that somebody has changed stays, also where it is not made again.
        amiss = {*found["missing"], *found["changed"], *found["foreign"]} - self._spoilt
        if amiss or found["lacking"] or found["failed"] or found["changed_inputs"]:
            self._tell(f"after the last run: {found}")

    def _put(self, name: str, picture: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(self.world.data[picture])
        self._files[name] = picture
        self._asked.discard(name)
        self.log.append(f"{name} is {picture}")

    def _meddle(self) -> None:
        """What a person does, or a disk."""
        what = self.chance.choice(["add", "add", "remove", "replace", "replace", "break", "spoil", "lose", "own"])
        if what == "add" and (free := [name for name in NAMES if name not in self._files]):
            self._put(self.chance.choice(free), self.chance.choice(PICTURES))
        elif what == "remove" and (some := [name for name in self._files if Path(name).stem not in {"a", "m"}]):
            name = self.chance.choice(some)
            (self.folder / name).unlink()
            del self._files[name]
            self._asked.discard(name)
            self._wanted.pop(name, None)
            self._is_removed = True
            self.log.append(f"{name} is removed")
        elif what in {"replace", "break"}:
            name = self.chance.choice(list(self._files))
            pictures = [*STACKS] if name == STACK else [BROKEN] if what == "break" else PICTURES
            self._put(name, self.chance.choice(pictures))
            self._is_removed |= name == STACK
        elif what in {"spoil", "lose"}:
            self._spoil(lose=what == "lose")
        elif what == "own" and self.out.is_dir():
            # In the place of a table that a run has written, somebody's passes for that table, changed.
            name = self.chance.choice([REVIEW] if self._has_tables else [*TABLES, REVIEW])
            if not (self.out / name).exists():
                self._own[name] = str(self.chance.random()).encode()
                (self.out / name).write_bytes(self._own[name])
                self.log.append(f"{name} is somebody's")

    def _spoil(self, *, lose: bool) -> None:
        maps = sorted(path for path in self.out.glob("*/**/*") if path.is_file() and not path.name.startswith("."))
        if maps:
            path = self.chance.choice(maps)
            data = bytearray(path.read_bytes())
            data[len(data) // 2] ^= 1
            path.unlink() if lose else path.write_bytes(data)
            self._spoilt.add(path.relative_to(self.out).as_posix())
            self.log.append(f"{path.relative_to(self.out)} is {'lost' if lose else 'spoilt'}")

    def _command(self) -> None:
        """A run, in one piece or in shards, of what was asked for last, mostly."""
        if self.chance.random() < 0.25:
            self._variant = self.chance.choice(list(VARIANTS))
        if self.chance.random() < 0.25:
            self._inputs = self.chance.choice([["photos"], ["more"], ["photos", "more"]])
        if self.chance.random() < 0.2:
            self._shards = self.chance.choice([1, 2, 3])
        what = self.chance.choice(["one piece", "one piece", "shards", "shards", "one shard", "merge"])
        if what == "one piece":
            how = self.chance.choice(["--resume"] * 5 + ["--overwrite", ""])
            self._run(*([how] if how else []), fault=self._fault(0.5))
        elif what == "merge":
            self._try(["merge", "out"], self._fault(0.5))
        elif what == "one shard":
            self._run("--resume", "--shard", f"{self.chance.randrange(self._shards)}/{self._shards}")
        else:
            self._all_shards()

    def _all_shards(self) -> None:
        order = self.chance.sample(range(self._shards), self._shards)
        never = self.chance.choice(order) if self.chance.random() < 0.2 else None
        codes = {
            self._run("--resume", "--shard", f"{index}/{self._shards}", fault=self._fault(0.3)).code
            for index in order
            if index != never
        }
        faults = [self._fault(0.4), self._fault(0.4), None]
        while (code := self._try(["merge", "out"], faults[0]).code) not in {DONE, REFUSED, PARTIAL} and faults.pop(0):
            pass
        if never is None and codes | {code} <= {DONE, PARTIAL} and code == DONE:
            self._came_to_its_end()

    def _fault(self, chance: float) -> Fault | None:
        if self.chance.random() > chance:
            return None
        kind = self.chance.choice(["SIGKILL"] * 3 + ["SIGTERM", "SIGINT", "full"])
        return Fault(kind, self.chance.randint(1, 60), "out")  # type: ignore[arg-type]

    def _run(self, *how: str, fault: Fault | None = None) -> Ended:
        self._has_tables |= VARIANTS[self._variant][0] == "uncertainty"
        ended = self._try([*self._arguments("out"), *how], fault, then=lambda code: self._want(code, how))
        if ended.code in {DONE, PARTIAL} and "--shard" not in how:
            self._came_to_its_end()
        return ended

    def _arguments(self, out: str) -> list[str]:
        command, *options = VARIANTS[self._variant]
        pages = ["--pages", "all"] if STACK in self._named() else []
        return [command, *self._inputs, "--out", out, *options, *pages, *ENGINE]

    def _want(self, code: int, how: Sequence[str]) -> None:
        """What a run was asked for that ended so: it holds from the moment when its books tell of it."""
        if code == REFUSED:
            return
        for name in self._files:
            if name in self._named():
                before = set() if code in {DONE, PARTIAL} else self._wanted.get(name, set(VARIANTS))
                self._wanted[name] = before | {self._variant}
            elif "--overwrite" in how:  # which gives up what was asked for before
                self._wanted.pop(name, None)

    def _named(self) -> list[str]:
        """The photographs below the inputs."""
        return [name for name in self._files if name.partition("/")[0] in self._inputs]

    def _try(
        self, arguments: Sequence[str], fault: Fault | None, then: Callable[[int], None] = lambda code: None
    ) -> Ended:
        before = _tree(self.out)
        ended = hypseg(list(arguments), self.folder, fault)
        told = f" ({fault})" if fault else ""
        self.log.append(f"$ {' '.join(arguments)}{told} -> {ended.code} {' / '.join(ended.text.splitlines())[-600:]}")
        if "Traceback" in ended.text or HANGS in ended.text or ended.code not in CODES | ({KILLED} if fault else set()):
            self._tell(f"it ends with {ended.code}: {ended.text}")
        if ended.code == REFUSED and fault is None and _tree(self.out) != before:
            self._tell("it was refused, and has changed something")
        for name, data in list(self._own.items()):
            if not (self.out / name).is_file() or (self.out / name).read_bytes() != data:
                if "--overwrite" not in arguments or name == REVIEW:
                    self._tell(f"{name}, which is somebody's, has gone")
                del self._own[name]
        then(ended.code)
        self._verify()
        return ended

    def _verify(self) -> None:
        """What is called whole is whole."""
        ended = hypseg(["verify", "out"], self.folder)
        self.log.append(f"  verify -> {ended.code} {' / '.join(ended.text.splitlines())[-300:]}")
        if ended.code not in {DONE, REFUSED, PARTIAL}:
            self._tell(f"verify ends with {ended.code}: {ended.text}")
        if ended.code == DONE:
            for problem in self._not_whole():
                self._tell(f"verify ends with 0: {problem}")

    def _not_whole(self) -> Iterator[str]:
        lines, run = lines_of(self.out), json.loads((self.out / RUN).read_text())
        named = {RUN, MANIFEST, *run["files"], *self._own}
        for key, line in lines.items():
            named.update(line["outputs"].values())
            if line["status"] != "done":
                yield f"{key} is {line['status']}"
            for kind, path in line["outputs"].items():
                if (digest := digest_file(self.out / path)) is None or digest.sha256 != line["sha256"][kind]:
                    yield f"{path} is not what its line says"
        for shard in run.get("instead_of", {}):  # what is left of these counts no more
            named |= {parse_shard(shard).named(book) for book in (RUN, MANIFEST)}
        if strange := set(_tree(self.out)) - named:
            yield f"{strange} has no line"
        done = {name: [line for line in lines.values() if line["input"] == name] for name in self._asked}
        for name, of_it in done.items():
            data = self.world.data[self._files[name]]
            pages = STACKS.get(self._files[name], 1)
            if len(of_it) != pages or any(line["source"]["bytes"] != len(data) for line in of_it):
                yield f"{name} was asked for, and has {len(of_it)} lines"
        for line in lines.values():
            variants = self._wanted.get(line["input"], set(VARIANTS))
            if line["input"] in self._files and line["recipe"] not in map(self.world.recipes.get, variants):
                yield f"{line['key']} is by other settings than {variants}"
        if RANKING in run["files"]:
            rows = (self.out / RANKING).read_text().splitlines()[1:]
            recipes = [line["recipe"] for line in lines.values() if "heatmap" in line["outputs"]]
            if len(rows) not in {recipes.count(recipe) for recipe in recipes}:
                yield f"{RANKING} has {len(rows)} rows"

    def _came_to_its_end(self) -> None:
        """All images that it was asked for are done as they would be in an empty folder, but for those that fail."""
        lines = lines_of(self.out)
        for name in self._named():
            picture = self._files[name]
            if picture == BROKEN:
                continue
            self._asked.add(name)
            for page in range(1, STACKS[picture] + 1) if name == STACK else [None]:
                line = next((one for one in lines.values() if (one["input"], one.get("page")) == (name, page)), None)
                if line is None or line["status"] != "done":
                    self._tell(f"{name} {page or ''} has no line after a run that came to its end")
                    continue
                wanted = self.world.maps[self._variant][picture, page]
                there = {
                    f"{kind}{Path(path).suffix}": (self.out / path).read_bytes() if (self.out / path).is_file() else b""
                    for kind, path in line["outputs"].items()
                }
                self._spoilt.difference_update(line["outputs"].values())
                if there != wanted:
                    self._tell(f"maps of {name} {page or ''} are not those of a run into an empty folder")
        if self._has_its_tables(lines):
            self._compare_tables()

    def _has_its_tables(self, lines: Mapping[str, Mapping[str, Any]]) -> bool:
        """Whether all that is ranked in the folder is what this run was asked for, and nothing of that has failed."""
        recipe = self.world.recipes[self._variant]
        ranked = {line["input"] for line in lines.values() if line.get("recipe") == recipe}
        is_whole = BROKEN not in {self._files[name] for name in self._named()} and ranked <= set(self._named())
        return VARIANTS[self._variant][0] == "uncertainty" and is_whole and not self._own.keys() & TABLES

    def _compare_tables(self) -> None:
        """They are those of a run into an empty folder, byte for byte."""
        hypseg(self._arguments("fresh"), self.folder)
        for name in TABLES:
            one, other = (folder / name for folder in (self.out, self.folder / "fresh"))
            if not one.is_file() or one.read_bytes() != other.read_bytes():
                self._tell(f"{name} is not that of a run into an empty folder")
        shutil.rmtree(self.folder / "fresh")

    def _tell(self, problem: str) -> None:
        self.log.append(f"!!! {problem}")
        self.problems.append(problem)


def _tree(out: Path) -> dict[str, bytes]:
    """All files in a folder but hidden ones."""
    files = (path for path in out.rglob("*") if path.is_file() and not path.name.startswith(".hypseg"))
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}
