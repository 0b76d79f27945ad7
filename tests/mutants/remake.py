#!/usr/bin/python3
"""Makes the mutants' patches anew after the code that they change has moved.

    tests/mutants/remake.py [--rename FILE]... [NAME...]
    tests/mutants/remake.py --check [NAME...]

Without names: every mutant. A patch that applies keeps its place and gets the
line numbers and the context of today. What another patch changes is looked for
in lib and daemon, word by word, so that neither another file nor other line
breaks hide it. Context that is no longer there is given up line by line, the
line that is furthest from the change first. If several places fit, the function
decides that stands behind the hunk's "@@".

FILE has lines "OLD NEW": identifiers that were renamed. An OLD may come more
than once, with a NEW for each file that had one. What was s_name and is now
zseq_..._name, or NAME and now ZSEQ_..._NAME, is recognised without.

--check writes nothing: it names the patches that do not apply without fuzz.

The source is only read. A patch is written when it is complete, and if patch(1)
makes of the source what was meant. The exit status is 1 if any mutant is left.
"""

from __future__ import annotations

import argparse
import bisect
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CONTEXT = 3
#  Fewer words than these say nothing about a place in an unknown function.
ENOUGH_WORDS = 12

#  Line breaks come and go with these: they are no words.
NO_WORD = r'\\\n|//|"|\bstatic\b'
WORD = re.compile(rf"(?:{NO_WORD})|(\w+|[^\w\s])")
HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)")
FUNCTION = re.compile(r"(?:[A-Za-z_][\w\s*]*[\s*])?([A-Za-z_]\w*) ?\(")
IDENTIFIER = re.compile(r"\b[A-Za-z_]\w*")


class Failure(Exception):
    """Why a patch cannot be made anew."""


@dataclass
class Token:
    word: str
    start: int
    end: int


@dataclass
class Group:
    """Lines first up to end of a hunk's old lines become others."""

    first: int
    end: int
    added: list[str]


@dataclass
class Hunk:
    path: str
    start: int  # Where the old lines begin, from 0.
    function: str | None
    old: list[str] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)


@dataclass
class Edit:
    """Text from start up to end becomes another."""

    start: int
    end: int
    text: str
    broken: bool  # Whether it begins or ends within a line.
    anew: bool = False  # Whether its lines are not those of the patch.


def tokens_of(text: str) -> list[Token]:
    """The words of some code, and where they stand."""
    return [
        Token(match[1], match.start(1), match.end(1))
        for match in WORD.finditer(text)
        if match[1]
    ]


def words_of(text: str) -> list[str]:
    """The words of some code."""
    return [token.word for token in tokens_of(text)]


def function_line(lines: list[str], index: int) -> int | None:
    """Which line names the function that a line is in."""
    for at in range(index, -1, -1):
        line = lines[at]
        if at < index and line.startswith("}"):
            return None
        if FUNCTION.match(line) and not line.startswith("typedef"):
            #  A prototype ends before the line in question.
            ends = next((i for i in range(at, index) if ";" in lines[i]), index)
            begins = next((i for i in range(at, index) if lines[i][:1] == "{"), index)
            if begins <= ends:
                return at
            return None
    return None


class Source:
    """One file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.text = (ROOT / path).read_text()
        self.lines = self.text.split("\n")
        self.words = set(IDENTIFIER.findall(self.text))
        self.tokens = tokens_of(self.text)
        self.joined = "\0"
        self.offset: list[int] = []
        parts = []
        length = 0
        for token in self.tokens:
            self.offset.append(length)
            parts.append("\0" + token.word)
            length += len(token.word) + 1
        self.joined = "".join(parts) + "\0"
        self._formatted: bool | None = None

    def line_at(self, position: int) -> int:
        return self.text.count("\n", 0, position)

    def function_at(self, position: int) -> str | None:
        index = min(self.line_at(position), len(self.lines) - 1)
        at = function_line(self.lines, index)
        found = FUNCTION.match(self.lines[at]) if at is not None else None
        return found[1] if found else None

    def formatted(self) -> bool:
        """Whether clang-format would leave the file as it is."""
        if self._formatted is None:
            self._formatted = reformat(self.path, self.text, []) == self.text
        return self._formatted


class Tree:
    """The files that a mutant may change."""

    def __init__(self) -> None:
        self.sources: dict[str, Source] = {}
        self.everywhere: dict[str, list[str]] = {}
        for folder, folders, names in os.walk(ROOT):
            folders[:] = sorted(
                name for name in folders if name[0] != "." and name != "build"
            )
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    path = os.path.relpath(os.path.join(folder, name), ROOT)
                    self.everywhere.setdefault(name, []).append(path)
                    if path.split(os.sep)[0] in ("lib", "daemon"):
                        self.sources[path] = Source(path)
        self.words: set[str] = set()
        for source in self.sources.values():
            self.words |= source.words

    def source(self, path: str) -> Source | None:
        if path not in self.sources and (ROOT / path).is_file():
            self.sources[path] = Source(path)
        return self.sources.get(path)

    def searched(self, path: str) -> Iterator[Source]:
        """Where lines of this file may be."""
        for also in self.everywhere.get(os.path.basename(path), []):
            self.source(also)
        yield from list(self.sources.values())


class Names:
    """What may have become of an identifier."""

    def __init__(self, files: Iterable[str]) -> None:
        self.new: dict[str, list[str]] = {}
        for name in files:
            for number, line in enumerate(open(name), 1):
                words = line.split("#")[0].split()
                if not words:
                    continue
                if len(words) != 2:
                    sys.exit(f"{name}:{number}: not OLD NEW")
                self.new.setdefault(words[0], []).append(words[1])

    def pattern(self, word: str) -> str:
        """A regular expression of the forms that a word may have today."""
        forms = [re.escape(word)]
        forms += [re.escape(new) for new in self.new.get(word, [])]
        if re.match(r"s_\w", word):
            forms.append(rf"zseq_(?:\w+_)?{word[2:]}")
        elif re.match(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+$", word) and word[:5] != "ZSEQ_":
            forms.append(rf"ZSEQ_(?:\w+_)?{word}")
        return forms[0] if len(forms) == 1 else f"(?:{'|'.join(forms)})"

    def fits(self, word: str, today: str) -> bool:
        return word == today or bool(re.fullmatch(self.pattern(word), today))

    def today(self, word: str, source: Source, tree: Tree) -> str:
        """What a word of an added line is called in a file, as far as known."""
        if word in source.words:
            return word
        new = self.new.get(word, [])
        here = [name for name in new if name in source.words]
        if len(here) == 1:
            return here[0]
        if len(new) == 1:
            return new[0]
        if word in tree.words or self.pattern(word) == re.escape(word):
            return word
        for words in (source.words, tree.words):
            found = [name for name in words if self.fits(word, name)]
            if len(found) == 1:
                return found[0]
            if len(found) > 1:
                raise Failure(
                    f"{word} may be any of {', '.join(sorted(found))}: say which "
                    "with --rename"
                )
        return word


def run(*command: str, text: str = "") -> str | None:
    """What a command answers, or None if it fails or is not there."""
    if not shutil.which(command[0]):
        return None
    done = subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    return done.stdout if done.returncode == 0 else None


def reformat(path: str, text: str, ranges: list[tuple[int, int]]) -> str | None:
    """What clang-format makes of these lines, or of all if there are none."""
    return run(
        "clang-format",
        f"--assume-filename={ROOT / path}",
        *(f"--lines={first}:{last}" for first, last in ranges),
        text=text,
    )


def parse(name: str) -> tuple[str, list[Hunk]]:
    """The sentences of a patch, and its hunks."""
    text = (HERE / f"{name}.patch").read_text()
    lines = text.split("\n")
    begin = next((i for i, line in enumerate(lines) if line[:4] == "--- "), None)
    if begin is None:
        raise Failure("the file holds no patch")
    head = "\n".join(lines[:begin]) + "\n"
    if not re.search(r"^Caught by: \S", head, re.M):
        raise Failure('no line "Caught by:"')

    hunks: list[Hunk] = []
    path = ""
    index = begin
    while index < len(lines):
        line = lines[index]
        index += 1
        if line.startswith("+++ "):
            path = line[4:].split("\t")[0].strip().split("/", 1)[1]
        found = HUNK.match(line)
        if not found:
            if line and not line.startswith(("--- ", "+++ ", "diff ", "index ")):
                raise Failure(f"line {index} of the patch is not understood")
            continue
        old_left = int(found[2] or 1)
        new_left = int(found[4] or 1)
        hunk = Hunk(path, int(found[1]) - (1 if old_left else 0), None)
        group = None
        while old_left > 0 or new_left > 0:
            if index == len(lines):
                raise Failure("the patch is cut short")
            kind, rest = lines[index][:1] or " ", lines[index][1:]
            index += 1
            if kind == "\\":
                continue
            if kind not in " -+":
                raise Failure(f"line {index} of the patch is not understood")
            if kind == " ":
                group = None
            elif group is None:
                group = Group(len(hunk.old), len(hunk.old), [])
                hunk.groups.append(group)
            if kind == "+":
                group.added.append(rest)
                new_left -= 1
                continue
            hunk.old.append(rest)
            old_left -= 1
            if kind == " ":
                new_left -= 1
            else:
                group.end = len(hunk.old)
        if not hunk.groups:
            raise Failure("a hunk changes nothing")
        #  The function is the one that the first change is in.
        before = hunk.old[: hunk.groups[0].first]
        at = function_line(before + [""], len(before))
        if at is not None:
            hunk.function = FUNCTION.match(before[at])[1]
        elif not any(line.startswith("}") for line in before):
            shown = FUNCTION.match(found[5])
            hunk.function = shown[1] if shown else None
        hunks.append(hunk)
    if not hunks:
        raise Failure("the file holds no patch")
    return head, hunks


def patched(paths: Iterable[str], patch: str) -> dict[str, str] | None:
    """What patch(1) makes of the files without fuzz, or None if it does not."""
    with tempfile.TemporaryDirectory() as folder:
        copies = {}
        for path in sorted(set(paths)):
            if not (ROOT / path).is_file():
                return None
            copies[path] = pathlib.Path(folder, path)
            copies[path].parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, copies[path])
        options = ("-p1", "-F0", "-f", "-s", "--no-backup-if-mismatch")
        if run("patch", "-d", folder, *options, text=patch) is None:
            return None
        return {path: copy.read_text() for path, copy in copies.items()}


class Remake:
    """One patch on its way."""

    def __init__(self, name: str, tree: Tree, names: Names) -> None:
        self.name = name
        self.tree = tree
        self.names = names
        self.notes: list[str] = []
        self.head, self.hunks = parse(name)
        self.file = HERE / f"{name}.patch"

    def make(self) -> str:
        """Writes the patch; returns what was done."""
        present = self.file.read_text()
        result = self.where_it_was(present)
        what = "as it was"
        if result is None:
            result = self.searched()
            what = "made anew"
        text = self.head + self.diff(result)
        made = patched(result, text)
        if made != result:
            raise Failure("patch(1) makes something else of the new patch")
        if text == present:
            return "as it was"
        if what == "as it was" and self.respelt:
            what = "made anew"
        elif what == "as it was":
            what = "new numbers"
        self.write(text)
        return what

    def write(self, text: str) -> None:
        """Puts the new patch in the place of the old one at once."""
        handle, temporary = tempfile.mkstemp(dir=HERE, suffix=".new")
        try:
            with os.fdopen(handle, "w") as stream:
                stream.write(text)
            os.chmod(temporary, self.file.stat().st_mode & 0o777)
            os.replace(temporary, self.file)
        except BaseException:
            os.unlink(temporary)
            raise

    def where_it_was(self, patch: str) -> dict[str, str] | None:
        """The mutant's files if the patch applies and hits its functions."""
        self.respelt = False
        paths = {hunk.path for hunk in self.hunks}
        by_patch = patched(paths, patch)
        if by_patch is None:
            return None
        by_hand = {}
        result = {}
        for path in paths:
            source = self.tree.source(path)
            old = source.lines
            lines = []
            same = []
            done = shift = 0
            for hunk in (hunk for hunk in self.hunks if hunk.path == path):
                size = len(hunk.old)
                places = [
                    at
                    for at in range(done, len(old) - size + 1)
                    if old[at : at + size] == hunk.old
                ]
                if not places:
                    return None
                wanted = hunk.start + shift
                at = min(places, key=lambda place: (abs(place - wanted), -place))
                shift = at - hunk.start
                first = at + hunk.groups[0].first
                named = function_line(old, min(first, len(old) - 1))
                function = FUNCTION.match(old[named])[1] if named is not None else None
                if hunk.function and not (
                    function and self.names.fits(hunk.function, function)
                ):
                    return None
                for group in hunk.groups:
                    kept = old[done : at + group.first]
                    added = self.spelt(group.added, {}, source)
                    self.respelt |= added != group.added
                    lines += kept + added
                    same += kept + group.added
                    done = at + group.end
            by_hand[path] = "\n".join(same + old[done:])
            result[path] = "\n".join(lines + old[done:])
        #  patch(1) and this found different places.
        if by_hand != by_patch:
            return None
        return result

    def spelt(
        self, added: list[str], learned: dict[str, str], source: Source
    ) -> list[str]:
        """Added lines with the names of today."""

        def today(match: re.Match[str]) -> str:
            return learned.get(match[0]) or self.names.today(
                match[0], source, self.tree
            )

        return [IDENTIFIER.sub(today, line) for line in added]

    def searched(self) -> dict[str, str]:
        """The mutant's files, wherever the hunks' lines are now."""
        edits: dict[str, list[Edit]] = {}
        for hunk in self.hunks:
            try:
                found = [self.place(hunk, hunk.groups)]
            except Failure:
                if len(hunk.groups) == 1:
                    raise
                #  The lines between two changes are new; look for each change.
                found = [self.place(hunk, [group]) for group in hunk.groups]
            for place in found:
                edits.setdefault(place.source.path, []).extend(place.edits())
        return {path: self.edited(path, edits[path]) for path in sorted(edits)}

    def place(self, hunk: Hunk, groups: list[Group]) -> Place:
        """The one place where a hunk's changes belong."""
        search = Search(self, hunk, groups)
        places = search.places()
        number = f"hunk {self.hunks.index(hunk) + 1}"
        if not places:
            raise Failure(f"{number}: what it changes is nowhere")

        agree = [place for place in places if place.agrees]
        others = [place for place in places if not place.agrees]
        best = self.best(agree or others, hunk)
        if len(best) > 1:
            raise Failure(f"{number}: ambiguous: {', '.join(map(str, best))}")
        place = best[0]
        rivals = self.best(others, hunk) if agree and others else []
        if rivals and rivals[0].context > 2 * place.context:
            raise Failure(f"{number}: ambiguous: {place}, {rivals[0]}")

        if agree:
            sure = place.context > 0 or place.words >= ENOUGH_WORDS // 2
        else:
            sure = place.whole or place.words >= ENOUGH_WORDS
        if not sure:
            raise Failure(f"{number}: too little of it is left to be sure: {place}")
        if hunk.function and not agree:
            self.notes.append(
                f"{number} was in {hunk.function}, is in {place.function}"
            )
        return place

    @staticmethod
    def best(places: list[Place], hunk: Hunk) -> list[Place]:
        """The places that fit best; more than one if nothing decides."""
        context = max(place.context for place in places)
        places = [place for place in places if place.context == context]
        respelt = min(place.respelt for place in places)
        places = [place for place in places if place.respelt == respelt]
        #  The old file only decides where the function's name is no clue, or is
        #  the same.
        if not hunk.function or places[0].agrees:
            for same in (
                lambda path: path == hunk.path,
                lambda path: os.path.basename(path) == os.path.basename(hunk.path),
            ):
                here = [place for place in places if same(place.source.path)]
                if here:
                    return here
        return places

    def edited(self, path: str, edits: list[Edit]) -> str:
        """A file with changes, laid out by clang-format where they need it."""
        source = self.tree.source(path)
        edits = sorted(edits, key=lambda edit: (edit.start, edit.end))
        parts: list[str] = []
        ranges = []
        done = lines = 0
        for edit in edits:
            if edit.start < done:
                raise Failure(f"two of its changes overlap in {path}")
            parts += [source.text[done : edit.start], edit.text]
            done = edit.end
            lines += parts[-2].count("\n")
            first = lines + 1
            lines += edit.text.count("\n")
            #  Where clang-format has no say, only what would look broken is its.
            if edit.broken or (edit.anew and source.formatted()):
                ranges.append((first, lines + 1))
        text = "".join(parts) + source.text[done:]
        if not ranges:
            return text
        result = reformat(path, text, ranges)
        if result is None or words_of(result) != words_of(text):
            return text
        return result

    def diff(self, result: dict[str, str]) -> str:
        """The patch that makes these files."""
        text = ""
        for path in sorted(result):
            source = self.tree.source(path)
            if source.text == result[path]:
                continue
            with tempfile.TemporaryDirectory() as folder:
                new = pathlib.Path(folder, "new")
                new.write_text(result[path])
                diff = subprocess.run(
                    ["diff", f"-U{CONTEXT}", "--label", f"a/{path}", "--label"]
                    + [f"b/{path}", str(ROOT / path), str(new)],
                    capture_output=True,
                    text=True,
                ).stdout
            lines = diff.split("\n")
            for index, line in enumerate(lines):
                found = HUNK.match(line)
                if found:
                    lines[index] = self.hunk_line(source, found, lines[index + 1 :])
            text += "\n".join(lines)
        if not text:
            raise Failure("it changes nothing any more")
        return text

    @staticmethod
    def hunk_line(source: Source, found: re.Match[str], rest: list[str]) -> str:
        """The line that begins a hunk, with the function unless it is shown."""
        line = found[0].rstrip()
        before = next(i for i, text in enumerate(rest) if text[:1] in "+-")
        start = int(found[1]) - 1
        at = function_line(source.lines, start + before)
        if at is None or at >= start:
            return line
        return f"{line} {source.lines[at].rstrip()}"


class Search:
    """Where the old lines of a hunk are."""

    def __init__(self, remake: Remake, hunk: Hunk, groups: list[Group]) -> None:
        self.remake = remake
        self.names = remake.names
        self.hunk = hunk
        self.groups = groups
        self.words = [words_of(line) for line in hunk.old]
        self.first = groups[0].first
        self.end = groups[-1].end

    def places(self) -> list[Place]:
        """All places that show what is changed, or what is inserted between."""
        full = [i for i, words in enumerate(self.words) if words]
        if any(self.first <= i < self.end for i in full):
            return self.shown(self.first, self.end)
        #  Nothing is removed: the nearest lines must be there, both or else one.
        before = [i for i in full if i < self.first]
        after = [i for i in full if i >= self.end]
        tries = []
        if before and after:
            tries.append((before[-1], after[0] + 1))
        else:
            if before:
                tries.append((before[-1], self.end))
            if after:
                tries.append((self.first, after[0] + 1))
        found = [place for first, end in tries for place in self.shown(first, end)]
        if found or not (before and after):
            return found
        for first, end in ((before[-1], self.end), (self.first, after[0] + 1)):
            found += [place for place in self.shown(first, end) if place.agrees]
        gaps = {(place.source.path, place.gap()): place for place in found}
        return list(gaps.values())

    def shown(self, first: int, end: int) -> list[Place]:
        """All places that show the old lines from first up to end."""
        words = [word for line in self.words[first:end] for word in line]
        pattern = re.compile(
            "".join("\0" + self.names.pattern(word) for word in words) + "(?=\0)"
        )
        places = []
        for source in self.remake.tree.searched(self.hunk.path):
            at = 0
            while found := pattern.search(source.joined, at):
                at = found.start() + 1
                index = bisect.bisect_left(source.offset, found.start())
                places.append(Place(self, source, first, end, index))
        return places


class Place:
    """Where old lines of a hunk are: lines first up to end, at a word."""

    def __init__(
        self, search: Search, source: Source, first: int, end: int, index: int
    ) -> None:
        self.search = search
        self.source = source
        self.first = first
        self.end = end
        self.index = [index]  # The word that each line begins with, and the end.
        for words in search.words[first:end]:
            self.index.append(self.index[-1] + len(words))
        self.words = self.index[-1] - index

        above, whole_above = self.extend(range(first - 1, -1, -1), index, -1)
        after = range(end, len(search.words))
        below, whole_below = self.extend(after, self.index[-1], 1)
        self.context = above + below
        self.whole = whole_above and whole_below

        self.learned: dict[str, str] = {}
        hunk = search.hunk
        old = [word for words in search.words[first:end] for word in words]
        for offset, word in enumerate(old):
            self.learned[word] = source.tokens[index + offset].word
        self.respelt = sum(old != new for old, new in self.learned.items())
        position = source.tokens[min(self.gap(), len(source.tokens) - 1)].start
        if self.gap() == self.index[-1] and self.words:
            position = source.tokens[self.gap() - 1].start
        self.function = source.function_at(position)
        self.agrees = bool(
            hunk.function
            and self.function
            and search.names.fits(hunk.function, self.function)
        )

    def __str__(self) -> str:
        token = self.source.tokens[min(self.index[0], len(self.source.tokens) - 1)]
        where = f"{self.source.path}:{self.source.line_at(token.start) + 1}"
        return f"{where} ({self.function})" if self.function else where

    def gap(self) -> int:
        """The word that the first change begins with."""
        return self.index[self.search.first - self.first]

    def extend(self, lines: range, index: int, step: int) -> tuple[int, bool]:
        """How many lines of the context are there, and whether all of them."""
        count = 0
        tokens = self.source.tokens
        for line in lines:
            words = self.search.words[line]
            begin = index - len(words) if step < 0 else index
            end = begin + len(words)
            if begin < 0 or end > len(tokens):
                return count, False
            today = (token.word for token in tokens[begin:end])
            if not all(map(self.search.names.fits, words, today)):
                return count, False
            self.words += len(words)
            count += bool(words)
            index = begin if step < 0 else end
        return count, True

    def laid_out_anew(self) -> bool:
        """Whether the lines are no longer broken as the hunk has them."""
        tokens = self.source.tokens
        old = self.search.hunk.old[self.first : self.end]
        start = self.source.line_at(tokens[self.index[0]].start)
        end = self.source.line_at(tokens[self.index[-1] - 1].end) + 1
        lines = [words_of(line) for line in self.source.lines[start:end]]
        was = [words_of(line) for line in old]
        while was and not was[0]:
            del was[0]
        while was and not was[-1]:
            del was[-1]
        return [len(line) for line in lines] != [len(line) for line in was]

    def edits(self) -> list[Edit]:
        """The changes of the text here."""
        anew = self.laid_out_anew()
        edits = []
        for group in self.search.groups:
            added = self.search.remake.spelt(group.added, self.learned, self.source)
            first = self.index[group.first - self.first]
            end = self.index[group.end - self.first]
            removed = self.search.hunk.old[group.first : group.end]
            if first < end:
                edit = self.replaced(first, end, removed, added)
            elif added:
                edit = self.inserted(first, group, added)
            else:
                continue
            edit.anew = anew or added != group.added
            edits.append(edit)
        return edits

    def begins_line(self, position: int) -> bool:
        start = self.source.text.rfind("\n", 0, position) + 1
        between = self.source.text[start:position]
        return bool(re.fullmatch(rf"(?:\s|{NO_WORD})*", between))

    def ends_line(self, position: int) -> bool:
        end = self.source.text.find("\n", position)
        return bool(re.fullmatch(r'["\s\\]*', self.source.text[position:end]))

    def check_line(self, position: int) -> None:
        """A line of a directive cannot be broken just so."""
        line = self.source.line_at(position)
        lines = self.source.lines
        if lines[line].lstrip()[:1] == "#" or lines[line][-1:] == "\\":
            raise Failure(f"{self}: a directive that is broken in other places")

    def replaced(
        self, first: int, end: int, removed: list[str], added: list[str]
    ) -> Edit:
        """Words from first up to end become other lines."""
        text = self.source.text
        tokens = self.source.tokens
        start = tokens[first].start
        stop = tokens[end - 1].end
        broken = False
        before = ""
        if self.begins_line(start):
            start = text.rfind("\n", 0, start) + 1
            for line in removed:
                above = text.rfind("\n", 0, max(start - 1, 0)) + 1
                if line.strip() or start == 0 or text[above:start].strip():
                    break
                start = above
        else:
            self.check_line(start)
            broken = True
            if removed[0].lstrip()[:1] == '"' and text[start - 1] == '"':
                start -= 1
            start = len(text[:start].rstrip(" "))
            before = "\n"
        if self.ends_line(stop):
            stop = text.find("\n", stop) + 1
            for line in reversed(removed):
                below = text.find("\n", stop) + 1
                if line.strip() or text[stop:below].strip():
                    break
                stop = below
        else:
            self.check_line(stop)
            broken = True
            if removed[-1].rstrip()[-1:] == '"' and text[stop] == '"':
                stop += 1
            while text[stop] == " ":
                stop += 1
        gone = text[start:stop].count('"') - "\n".join(removed).count('"')
        if gone % 2:
            raise Failure(f"{self}: a string that is broken in other places")
        new = before + "".join(line + "\n" for line in added)
        return Edit(start, stop, new, broken)

    def inserted(self, index: int, group: Group, added: list[str]) -> Edit:
        """New lines before a word."""
        text = self.source.text
        tokens = self.source.tokens
        new = "".join(line + "\n" for line in added)
        last = tokens[index - 1].end if index else 0
        old = self.search.hunk.old
        below_blank = group.first > 0 and not old[group.first - 1].strip()
        ends = index > 0 and self.ends_line(last)
        if index < len(tokens) and self.begins_line(tokens[index].start):
            if below_blank or not ends:
                start = text.rfind("\n", 0, tokens[index].start) + 1
                return Edit(start, start, new, False)
        if ends:
            start = text.find("\n", last) + 1
            return Edit(start, start, new, False)
        self.check_line(last)
        stop = last
        while text[stop] == " ":
            stop += 1
        return Edit(last, stop, "\n" + new, True)


def check(names: list[str]) -> int:
    """Names the patches that do not apply."""
    bad = []
    for name in names:
        try:
            paths = [hunk.path for hunk in parse(name)[1]]
            if patched(paths, (HERE / f"{name}.patch").read_text()) is None:
                bad.append(name)
        except Failure as failure:
            bad.append(f"{name}: {failure}")
    for line in bad:
        print(f"DOES NOT APPLY: {line}")
    print(f"{len(names)} mutants, {len(bad)} do not apply")
    return 1 if bad else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rename", metavar="FILE", action="append", default=[])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("names", metavar="NAME", nargs="*")
    options = parser.parse_args()
    for tool in ("patch", "diff"):
        if not shutil.which(tool):
            sys.exit(f"{tool} is not installed")

    names = [name.removesuffix(".patch") for name in options.names]
    names = names or sorted(path.stem for path in HERE.glob("*.patch"))
    for name in names:
        if not (HERE / f"{name}.patch").is_file():
            sys.exit(f"there is no mutant {name}")
    if options.check:
        return check(names)

    tree = Tree()
    renamed = Names(options.rename)
    count = {"as it was": 0, "new numbers": 0, "made anew": 0}
    failed = []
    for name in names:
        try:
            remake = Remake(name, tree, renamed)
            what = remake.make()
            count[what] += 1
            if what == "made anew":
                print(f"{name}: {'; '.join([what] + remake.notes)}")
        except Failure as failure:
            failed.append(f"{name}: NOT MADE ANEW: {failure}")
    for line in failed:
        print(line)
    print(
        f"{len(names)} mutants: {count['as it was']} as they were, "
        f"{count['new numbers']} with other line numbers, "
        f"{count['made anew']} made anew, {len(failed)} left"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
