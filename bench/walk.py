"""What bench/walk.sh prints: walk.py LIBRARY < STEPS, see zseq_walk.c"""

import argparse
import collections
import os
import re
import signal
import statistics
import subprocess
import sys

#  From the bottom up.
LAYERS = "sys core op node io host client"


def resolve(library, addresses):
    """{address: (function, file from lib/ on, or None)}"""
    asked = "".join(f"{int(address):#x}\n" for address in addresses)
    lines = subprocess.run(["addr2line", "-f", "-e", library], input=asked,
                           capture_output=True, text=True,
                           check=True).stdout.split("\n")
    found = {}
    for index, address in enumerate(addresses):
        path = os.path.normpath(lines[2 * index + 1].rsplit(":", 1)[0])
        inside = re.search(r"/lib/((?:\w+/)?zseq\w*\.[ch])$", path)
        found[address] = lines[2 * index], inside and inside.group(1)
    return found


class Walk:
    """What one call did."""

    def __init__(self):
        self.calls = self.files = self.layers = self.upward = 0
        self.clocks = self.polls = 0
        self.functions = collections.Counter()
        self.pairs = collections.Counter()
        self.sites = collections.Counter()


class Walker:
    def __init__(self, library, steps, layers, folders):
        self.rank = {layer: rank for rank, layer in enumerate(layers)}
        self.folders = folders
        self.steps = [line.split() for line in steps]
        self.names = resolve(library, sorted({step[2] for step in self.steps
                                              if len(step) == 3}))

    def layer(self, function, file):
        return (self.folders.get(function) or self.folders.get(file)
                or os.path.dirname(file))

    def walks(self):
        walks = []
        for step in self.steps:
            if step == ["call"]:
                walks.append(Walk())
                stacks = collections.defaultdict(list)
                continue
            kind, thread, address = step
            self.step(walks[-1], kind, stacks[thread], self.names[address])
        return walks

    def step(self, walk, kind, stack, place):
        if not place[1]:
            return  # Of another library's header
        if kind == ">":
            walk.calls += 1
            walk.functions[place] += 1
            if stack:
                self.passes(walk, stack[-1], place)
                if (self.rank[self.layer(*stack[-1])]
                        < self.rank[self.layer(*place)]):
                    walk.upward += 1
            stack.append(place)
        elif kind == "~":
            walk.polls += 1
        elif kind == "=":
            walk.clocks += 1
            walk.sites[tuple(place[0] for place in stack[-3:])] += 1
        elif stack:
            assert stack.pop() == place
            if stack:
                self.passes(walk, place, stack[-1])

    def passes(self, walk, one, other):
        walk.files += one[1] != other[1]
        if self.layer(*one) == self.layer(*other):
            return
        walk.layers += 1
        walk.pairs[one, other] += 1


def middle(walks, measure):
    values = [measure(walk) for walk in walks]
    return (f"{statistics.median(values):8.0f} {statistics.mean(values):8.1f}"
            f" {min(values):6} {max(values):6}")


def print_table(walks):
    print(f"{len(walks)} calls of zseq_next\n")
    print(f"{'in one call':24} {'median':>8} {'mean':>8} {'min':>6} {'max':>6}")
    for title, measure in [
            ("function calls", lambda walk: walk.calls),
            ("functions", lambda walk: len(walk.functions)),
            ("files", lambda walk: len({file for _, file in walk.functions})),
            ("changes of file", lambda walk: walk.files),
            ("changes of layer", lambda walk: walk.layers),
            ("upward calls", lambda walk: walk.upward),
            ("clock readings", lambda walk: walk.clocks),
            ("polls", lambda walk: walk.polls)]:
        print(f"{title:24} {middle(walks, measure)}")
    print("\nfunction calls by file")
    files = collections.Counter()
    for walk in walks:
        for (_, file), count in walk.functions.items():
            files[file] += count
    for file, count in files.most_common():
        print(f"{count / len(walks):8.1f}  {file}")


def print_pairs(walker, walks):
    print("\nchanges of layer, a call; there and back")
    pairs = collections.Counter()
    for walk in walks:
        for (one, other), count in walk.pairs.items():
            there = sorted([one, other], reverse=True,
                           key=lambda place: walker.rank[walker.layer(*place)])
            pairs[tuple(there)] += count
    for (high, low), count in pairs.most_common():
        print(f"{count / len(walks):8.1f}  "
              f"{walker.layer(*high)}/{high[0]} - "
              f"{walker.layer(*low)}/{low[0]}")


def print_clocks(walks):
    print("\nclock readings, a call")
    sites = sum((walk.sites for walk in walks), collections.Counter())
    for site, count in sites.most_common():
        print(f"{count / len(walks):8.1f}  {' > '.join(site)}")


def read_folders(path):
    with open(path) as file:
        return dict(line.split() for line in file if line.strip())


def main():
    #  A pager may stop reading early.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    parser = argparse.ArgumentParser(prog="bench/walk.sh")
    parser.add_argument("library", help=argparse.SUPPRESS)
    parser.add_argument("--layers", default=LAYERS, help="from the bottom up")
    parser.add_argument("--folders", type=read_folders, default={},
                        help="a file with lines FILE-OR-FUNCTION FOLDER: "
                        "count as if they were there")
    parser.add_argument("--by-pair", action="store_true",
                        help="between which functions the layer changes")
    parser.add_argument("--clock", action="store_true",
                        help="where the clock is read")
    parser.add_argument("--polls", type=int,
                        help="only calls that poll so often")
    options = parser.parse_args()
    walker = Walker(options.library, sys.stdin, options.layers.split(),
                    options.folders)
    walks = [walk for walk in walker.walks()
             if options.polls in (None, walk.polls)]
    if not walks:
        sys.exit("no call polled so often")
    print_table(walks)
    if options.by_pair:
        print_pairs(walker, walks)
    if options.clock:
        print_clocks(walks)


if __name__ == "__main__":
    main()
