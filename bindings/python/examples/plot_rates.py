"""IDs per second by batch, as a notebook would plot them.

    python3 plot_rates.py tcp://127.0.0.1:19001 rates.svg

Editors that know "# %%" run the cells one by one.
"""

from __future__ import annotations

# %% Setting up
import itertools
import pathlib
import sys
import time

import zseq

URI, PICTURE = sys.argv[1:]
SECONDS = 0.2
BATCHES: list[zseq.Batch] = [1, 10, 100, 1000, 10_000, "auto"]


# %% Measuring
def rate(sequence: zseq.Sequence) -> float:
    """IDs per second that one loop draws."""
    next(sequence)
    began = time.perf_counter()
    for drawn in itertools.count(1):
        next(sequence)
        elapsed = time.perf_counter() - began
        if elapsed >= SECONDS:
            break
    return drawn / elapsed


with zseq.Client(URI) as client:
    rates = {
        str(batch): rate(client.sequence("rates", batch=batch))
        for batch in BATCHES
    }
    stats = client.stats()

# %% What came out
for batch_name, ids in rates.items():
    print(f"batch {batch_name:>6} {ids:12,.0f} IDs/s")
print(f"{stats.issued} IDs in {stats.claims} claims, {stats.burnt} burnt")

# %% A picture
WIDTH, BAR, LABEL = 640, 28, 80
scale = (WIDTH - LABEL - 120) / max(rates.values())
bars = "".join(
    f'<text x="{LABEL - 8}" y="{row * BAR + 19}" text-anchor="end">{label}'
    f'</text><rect x="{LABEL}" y="{row * BAR + 4}" width="{ids * scale:.1f}" '
    f'height="{BAR - 8}" fill="steelblue"/>'
    f'<text x="{LABEL + ids * scale + 6:.1f}" y="{row * BAR + 19}">'
    f"{ids:,.0f}/s</text>"
    for row, (label, ids) in enumerate(rates.items())
)
pathlib.Path(PICTURE).write_text(
    f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
    f'height="{BAR * len(rates)}" font-family="sans-serif" font-size="14">'
    f"<title>IDs per second by batch</title>{bars}</svg>\n"
)
