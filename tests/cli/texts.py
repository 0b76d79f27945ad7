#!/usr/bin/python3
"""Checks the texts for people (lib/README.md, "Texts for people").

    zseq-texts >FILE; tests/cli/texts.py FILE

Each text has to be used by the code, and expected by a test: a test quotes words
of it that stand in no other text. Patterns quote, too, but not those that stand
in comments. texts.allow names the texts that no test can provoke, and why. And
a literal of three words or more stands in a table, unless it is a help page or
the heading of a column.

Prints what is wrong. The exit status is 1 then.
"""

from __future__ import annotations

import pathlib
import re
import sys
from collections.abc import Iterator

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


def allowed() -> dict[str, str]:
    """The patterns of texts.allow, and the reason of each."""
    patterns: dict[str, str] = {}
    reason = ""
    for line in (HERE / "texts.allow").read_text().splitlines():
        if line.startswith("#"):
            reason += line[1:]
        elif line:
            patterns[line] = reason
        else:
            reason = ""
    return patterns


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


def main() -> int:
    lines = pathlib.Path(sys.argv[1]).read_text().splitlines()
    texts = dict(line.split("\t", 1) for line in lines)
    code = [*ROOT.glob("lib/**/*.c"), *ROOT.glob("daemon/**/*.c")]
    tests = quoted()
    used = {a or b for path in code for a, b in USED.findall(path.read_text())}
    wrong = [f"{name}: nothing uses it" for name in texts if name not in used]
    patterns = allowed()
    wrong += [f"texts.allow: {p} has no reason" for p, why in patterns.items() if not why]
    needed: set[str] = set()
    for name in texts:
        by = {pattern for pattern in patterns if re.fullmatch(pattern, name)}
        if is_expected(name, texts, tests):
            continue
        needed |= by
        if not by:
            wrong.append(f"{name}: no test expects it: {texts[name]!r}")
    wrong += [f"texts.allow: {p} is not needed" for p in patterns if p not in needed]
    for path in code:
        if path.name not in HELP:
            wrong += check_literals(path)
    print("\n".join(wrong) if wrong else f"{len(texts)} texts")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
