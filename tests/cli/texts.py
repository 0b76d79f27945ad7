#!/usr/bin/python3
"""Checks the texts for people (lib/README.md, "Texts for people").

    zseq-texts >FILE; tests/cli/texts.py FILE

Each text has to be used by the code, and expected by a test: a test quotes words
of it that stand in no other text. Patterns quote, too, but not those that stand
in comments. texts.allow names the texts that no test can provoke, and why. And
a literal of three words or more stands in a table, unless it is a help page or
the heading of a column.

    zseq-texts RECORD >SEEN; tests/cli/texts.py FILE SEEN

RECORD is what zseq_texts_seen.c wrote in a run of all tests: each text must have
been provoked there, but for those of texts.allow, which must not have been.

Prints what is wrong. The exit status is 1 then.
"""

from __future__ import annotations

import pathlib
import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
#  So many characters, of whole words, say which text is meant.
ENOUGH = 8

#  Files of help pages.
HELP = ["zseq_cli_commands.c"]

TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\]|\\.)+'|\w+|\s+|.""", re.S
)
CONVERSION = re.compile(r"%[-0-9.*]*(?:hh|h|ll|l|j|z|t)?[a-zA-Z]|%%")
WORD = re.compile(CONVERSION.pattern + r"|(\w+)")
WORDS = re.compile(r"[A-Za-z]{2,}(?:[ ,;:]+\(?[A-Za-z']+){2,}")
USED = re.compile(r"\bZSEQ_TEXT_(\w+)|\bZSEQ_LOG \((\w+)\)")


def literals(source: str) -> list[str]:
    """The literals of C; those that follow each other make one."""
    found: list[str] = []
    adjacent = False
    for match in TOKEN.finditer(source):
        token = match[0]
        if token.startswith('"'):
            if not adjacent:
                found.append("")
            found[-1] += token[1:-1]
            adjacent = True
        elif not (token.isspace() or token.startswith(("//", "/*", "PRI"))):
            adjacent = False
    return found


def quoted() -> str:
    """All that tests may quote a text in."""
    parts: list[str] = []
    for path in sorted(ROOT.glob("tests/**/*.[ch]")):
        parts += literals(path.read_text())
    scripts = [*ROOT.glob("tests/**/*.sh"), *ROOT.glob("bindings/python/tests/*.py")]
    for path in sorted(scripts):
        lines = path.read_text().splitlines()
        parts += [line for line in lines if not line.lstrip().startswith("#")]
    return "\n".join(parts).replace("\\", "")


def size_of(words: str) -> int:
    """How many characters of a text are fixed."""
    return len(re.sub(r"\W+", " ", CONVERSION.sub(" ", words)).strip())


def quotes(text: str, tests: str) -> Iterator[str]:
    """From each word of a text on, the longest piece that tests quote."""
    words = [match.span() for match in WORD.finditer(text) if match[1]]
    enough = min(ENOUGH, size_of(text))
    for first, (start, _) in enumerate(words):
        longest = ""
        for _, end in words[first:]:
            piece = text[start:end]
            if size_of(piece) < enough:
                continue
            if not is_quoted(piece, tests):
                break
            longest = piece
        if longest:
            yield longest


def is_quoted(piece: str, tests: str) -> bool:
    """Whether a piece of a text is there, with anything for the conversions."""
    parts = CONVERSION.split(piece)
    if any(part not in tests for part in parts):
        return False
    pattern = ".{1,60}?".join(map(re.escape, parts))
    return len(parts) == 1 or re.search(pattern, tests) is not None


def is_expected(name: str, texts: dict[str, str], tests: str) -> bool:
    """Whether tests quote half of a text, or words that stand in no other."""
    text = texts[name]
    if size_of(text) == 0:
        return True
    others = "\n".join(other for it, other in texts.items() if it != name)
    return any(
        2 * size_of(piece) >= size_of(text) or piece not in others
        for piece in quotes(text, tests)
    )


class Allowed(NamedTuple):
    """A line of texts.allow."""

    pattern: str
    sometimes: bool  #  Now and then a test provokes it
    reason: str

    def has(self, name: str) -> bool:
        return re.fullmatch(self.pattern, name) is not None


def allowed() -> list[Allowed]:
    """All of texts.allow."""
    found: list[Allowed] = []
    reason = ""
    for line in (HERE / "texts.allow").read_text().splitlines():
        if line.startswith("#"):
            reason += line[1:]
        elif line:
            pattern, _, when = line.partition(" ")
            found.append(Allowed(pattern, when == "sometimes", reason))
        else:
            reason = ""
    return found


def check_literals(path: pathlib.Path) -> list[str]:
    """The literals of a file that should stand in a table."""
    source = re.sub(r"_Static_assert ?\(.*?;", "", path.read_text(), flags=re.S)
    return [
        f"{path.relative_to(ROOT)}: not in a table: {literal!r}"
        for literal in literals(source)
        #  A line break inside: a page of help. Capitals: a table's heading.
        if WORDS.search(literal)
        and "\\n" not in literal[:-2]
        and not literal.isupper()
    ]


def table_of(name: str) -> str:
    """The file of the table that has a text."""
    row = re.compile(rf"X \([\s\\]*{name},")
    tables = [*ROOT.glob("lib/*/*_texts.h"), *ROOT.glob("daemon/**/*_texts.h")]
    found = [path for path in tables if row.search(path.read_text())]
    return str(found[0].relative_to(ROOT)) if found else "no table"


def check_expected(texts: dict[str, str], exceptions: list[Allowed]) -> list[str]:
    """The texts that the code does not use or that tests do not quote, and other
    texts of the code."""
    code = [*ROOT.glob("lib/**/*.c"), *ROOT.glob("daemon/**/*.c")]
    tests = quoted()
    used = {a or b for path in code for a, b in USED.findall(path.read_text())}
    wrong = [f"{name}: nothing uses it" for name in texts if name not in used]
    for it in exceptions:
        if not it.reason:
            wrong.append(f"texts.allow: {it.pattern} has no reason")
        if not any(map(it.has, texts)):
            wrong.append(f"texts.allow: there is no text {it.pattern}")
    for name in texts:
        if any(it.has(name) for it in exceptions):
            continue
        if not is_expected(name, texts, tests):
            wrong.append(f"{name}: no test expects it: {texts[name]!r}")
    for path in code:
        if path.name not in HELP:
            wrong += check_literals(path)
    return wrong


def check_provoked(
    texts: dict[str, str], exceptions: list[Allowed], seen: set[str]
) -> list[str]:
    """The texts that no test has provoked, and those of texts.allow that one has."""
    wrong: list[str] = []
    for name, text in texts.items():
        by = [it for it in exceptions if it.has(name)]
        if size_of(text) == 0 or any(it.sometimes for it in by):
            continue
        if by and name in seen:
            wrong.append(f"texts.allow: {name} is not needed, a test provokes it")
        elif not by and name not in seen:
            wrong.append(f"{table_of(name)}: {name}: no test provokes it: {text!r}")
    return wrong


def read_texts(path: str) -> dict[str, str]:
    lines = pathlib.Path(path).read_text().splitlines()
    return dict(line.split("\t", 1) for line in lines)


def main() -> int:
    texts = read_texts(sys.argv[1])
    exceptions = allowed()
    if len(sys.argv) > 2:
        wrong = check_provoked(texts, exceptions, set(read_texts(sys.argv[2])))
    else:
        wrong = check_expected(texts, exceptions)
    print("\n".join(wrong) if wrong else f"{len(texts)} texts")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
