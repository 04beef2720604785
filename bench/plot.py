"""The picture of the page: how many times longer the peers took, read from the page's own tables."""

import re
from pathlib import Path


def _block(page: str, name: str) -> list[list[str]]:
    """The cells of every row of a benchmark's tables, without heads and rules."""
    found = re.search(f"<!-- bench:{name} -->(.*?)<!-- /bench:{name} -->", page, re.DOTALL)
    lines = found[1].splitlines() if found else []
    rows = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for row in rows if not set(row[0]) <= {"-"}]


def _times(cell: str) -> float | None:
    found = re.match(r"([\d.]+)x", cell)
    return float(found[1]) if found else None


def bars(page: str) -> list[tuple[str, float]]:
    """A label and a ratio for each peer that is on the page; 1 is Verbatim."""
    found = []
    for row in _block(page, "together"):
        if (ratio := _times(row[-1])) is not None:
            found.append((f"WhisperModel, 8 recordings at once, language {row[0]}", ratio))
    for row in _block(page, "servers"):
        if (ratio := _times(row[-1])) is not None and row[0] != "Verbatim":
            found.append((f"{row[0]}, 14 short clips", ratio))
    for row in _block(page, "long"):
        if len(row) < 5 or (ratio := _times(row[4])) is None:
            continue
        if "of Verbatim" in row[4]:
            if row[0] != "Verbatim":
                found.append((f"{row[0]}, one recording of {row[1]}", ratio))
        elif row[0] == "Verbatim":
            found.append((f"BatchedInferencePipeline, one recording of {row[1]}", 1 / ratio))
    return found


def draw(page: str, path: Path) -> bool:
    """Write the picture; False if the page has nothing to show."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "verbatim"  # the same page gives the same file
    from matplotlib import pyplot as plt

    shown = bars(page)
    if not shown:
        return False
    labels, ratios = zip(*reversed(shown), strict=True)
    figure, axes = plt.subplots(figsize=(9, 0.7 + 0.36 * len(shown)), layout="constrained")
    drawn = axes.barh(labels, ratios, color="#4477aa")
    axes.bar_label(drawn, [f"{ratio:.2f}" for ratio in ratios], padding=3)
    axes.axvline(1, color="#cc3311", linewidth=1)
    axes.set_xlabel("wall time beside Verbatim, which is 1 (same weights, same machine, same run)")
    axes.margins(x=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return True
