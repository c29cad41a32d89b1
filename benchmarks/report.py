"""The results of runs as Markdown, and the page that has those that are kept.

    python -m benchmarks.report

writes the figures of benchmarks/results into docs/benchmarks.md; a result is the
results.json of a run under the name of its size, or seeds.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.engines.warehouse import PHASES
from benchmarks.make_events import LATER_DAYS, short
from benchmarks.question import BY_NAME, LOAD, TASKS
from benchmarks.task import ENGINES

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
RESULTS = Path(__file__).parent / "results"
START = "<!-- figures: written by python -m benchmarks.report -->\n"
END = "<!-- end of figures -->\n"
ANSWERS = "the five results, once loaded"
WHOLE = "the whole set"
# The second build ends a week and learns anew, the third does not.
MORE = dict(zip(LATER_DAYS, ("one day more", "another day"), strict=True))
SHARE_TITLES = [
    "180 days",
    *(cell for title in MORE.values() for cell in (title, "share")),
]


def as_markdown(results: dict[str, Any]) -> str:
    """Tables of seconds, processor seconds and memory, each with its ratios."""
    data = results["data"]
    parts = [f"### {short(data['events'])} events, {short(data['users'])} users"]
    if "tasks" in results:
        parts += [
            seconds_table(results, "seconds", "Seconds"),
            seconds_table(results, "cpu_seconds", "Processor seconds, of all cores"),
            memory_table(results),
        ]
    if "build" in results:
        parts += [
            builds_table(results),
            costly_table(results),
            slowest_table(results),
        ]
    parts.append(machine_line(results["machine"]))
    return "\n\n".join(parts) + "\n"


def seeds_markdown(results: dict[str, Any]) -> str:
    """Where the time of a build of the seeds goes, medians over its runs."""
    first, again = results["first"], results["again"]
    rows = []
    totals = [median(run["process_seconds"] for run in runs) for runs in (first, again)]
    for phase in PHASES:
        cells = [PHASES[phase]]
        for runs, total in zip((first, again), totals, strict=True):
            seconds = median(run["phases"][phase] for run in runs)
            cells += [f"{seconds:.2f}", f"{100 * seconds / total:.0f} %"]
        rows.append(cells)
    rows.append(["elapsed", f"{totals[0]:.2f}", "", f"{totals[1]:.2f}", ""])
    for title, figure in (("queries", "query_seconds"), ("nodes", "seconds")):
        cells = [f"of the nodes, {title} added up"]
        for runs in (first, again):
            sums = (sum(s[figure] for s in run["steps"].values()) for run in runs)
            cells += [f"{median(sums):.2f}", ""]
        rows.append(cells)
    header = ["Seconds", "first build", "share", "again", "share"]
    return (
        "\n\n".join(
            [
                f"### The seeds, medians of {len(first)} runs",
                table(header, rows),
                statements_table(first[-1], again[-1]),
                machine_line(results["machine"]),
            ]
        )
        + "\n"
    )


def statements_table(first: dict[str, Any], again: dict[str, Any]) -> str:
    """What publishing asks the database, by the first words of its statements."""
    runs = [build["last_statements"] for build in (first, again)]
    kinds = sorted(runs[0], key=lambda kind: -runs[0][kind][1])[:8]
    rows = []
    for kind in kinds:
        cells = [kind]
        for run in runs:
            count, seconds = run.get(kind, (0, 0.0))
            cells += [str(count), f"{seconds:.2f}"]
        rows.append(cells)
    totals = ["all"]
    for run in runs:
        totals += [
            str(sum(count for count, _ in run.values())),
            f"{sum(seconds for _, seconds in run.values()):.2f}",
        ]
    header = ["on-run-end", "statements", "seconds", "statements again", "seconds"]
    return table(header, [*rows, totals])


def targets_table(found: list[dict[str, Any]]) -> str:
    """What was aimed at, and what it is."""
    rows = []
    for results in found:
        size = short(results["data"]["events"])
        rows += [[f"{title}, {size}", *rest] for title, *rest in aims(results)]
    for one, other in pairwise(found):
        sizes = f"{short(one['data']['events'])} to {short(other['data']['events'])}"
        for title, figure in (("whole set", set_seconds), ("dbt build", build_seconds)):
            before, after = figure(one), figure(other)
            if before and after:
                growth = f"{after / before:.1f} x"
                rows.append([f"time of the {title}, {sizes}", "<= 12 x", growth])
    return table(["Aim", "aimed at", "measured"], rows)


def aims(results: dict[str, Any]) -> Iterable[list[str]]:
    """The aims that a size has figures for."""
    cells = by_task(results, "seconds")
    peaks = by_task(results, "peak_mb")
    ours = set_seconds(results)
    for engine in [e for e in results.get("engines", []) if e.startswith("clickhouse")]:
        title = ENGINES[engine]
        mart = cells.get(("warehouse", "funnel")), cells.get((engine, "funnel"))
        yield [f"funnel mart / {title}", "<= 0.7", ratio(*mart)]
        theirs = total(cells, engine)
        yield [f"whole set / {title}", "<= 0.4", ratio(ours, theirs)]
    if "pandas" in results.get("engines", []):
        yield ["pandas / whole set", ">= 10", ratio(total(cells, "pandas"), ours)]
        held = [most(peaks, engine) for engine in ("warehouse", "pandas")]
        yield ["peak memory / pandas", "<= 0.25", ratio(*held)]
    if peaks and not isinstance(peak := most(peaks, "warehouse"), str | None):
        yield ["peak memory of the whole set", "<= 8 GB", f"{peak / 1024:.1f} GB"]
    if "build" in results:
        peak = results["build"]["peak_mb"] / 1024
        yield ["peak memory of dbt build", "<= 8 GB", f"{peak:.1f} GB"]
        whole, *more = (
            sum(parts_of(results[name], "query_seconds").values())
            for name in ("build", *MORE)
        )
        for title, spent in zip(MORE.values(), more, strict=True):
            yield [f"queries of {title}", "<= 3 %", f"{100 * spent / whole:.1f} %"]


def ratio(one: Any, other: Any) -> str:
    """One divided by the other, or why it cannot be."""
    for value in (one, other):
        if value is None or isinstance(value, str):
            return "not finished"
    return f"{one / other:.2f}"


def most(cells: dict[tuple[str, str], Any], engine: str) -> Any:
    """The highest figure of an engine, None where a task was not done."""
    found = [value for (name, _), value in cells.items() if name == engine]
    return None if any(isinstance(value, str) for value in found) else max(found)


def set_seconds(results: dict[str, Any]) -> float | None:
    """Seconds of this project for all that is compared."""
    return total(by_task(results, "seconds"), "warehouse")


def build_seconds(results: dict[str, Any]) -> float | None:
    """Seconds of a whole dbt build."""
    return results["build"]["process_seconds"] if "build" in results else None


def seconds_table(results: dict[str, Any], figure: str, title: str) -> str:
    """One row per task, one column per engine; in brackets what is ours divided by it."""
    engines = results["engines"]
    cells = by_task(results, figure)
    rows = []
    for name in [LOAD.name, *(task.name for task in TASKS)]:
        ours = cells.get((engines[0], name))
        rows.append(
            [BY_NAME[name].title]
            + [ratio_cell(cells.get((engine, name)), ours) for engine in engines]
        )
    answers = {key: value for key, value in cells.items() if key[1] != LOAD.name}
    for name, summed in ((ANSWERS, answers), (WHOLE, cells)):
        totals = [total(summed, engine) for engine in engines]
        rows.append([name] + [ratio_cell(each, totals[0]) for each in totals])
    return table([title, *(ENGINES[engine] for engine in engines)], rows)


def memory_table(results: dict[str, Any]) -> str:
    """The most memory that a task's process held."""
    engines = results["engines"]
    cells = by_task(results, "peak_mb")
    rows = []
    for name in [LOAD.name, *(task.name for task in TASKS)]:
        ours = cells.get((engines[0], name))
        rows.append(
            [BY_NAME[name].title]
            + [ratio_cell(cells.get((engine, name)), ours, ".0f") for engine in engines]
        )
    return table(["Peak memory, MB", *(ENGINES[engine] for engine in engines)], rows)


def builds_table(results: dict[str, Any]) -> str:
    """A whole `dbt build` and those after a day more, by what their time went to."""
    builds = [results[name] for name in ("build", *MORE)]
    rows = []
    figures = {"query_seconds": "queries", "seconds": "nodes"}
    if results["threads"] == 1:
        figures["cpu_seconds"] = "processor"
    for figure, said in figures.items():
        parts = [parts_of(build, figure) for build in builds]
        for name in parts[0]:
            rows.append([f"{name}, {said}", *share_cells(*(p[name] for p in parts))])
        sums = [sum(part.values()) for part in parts]
        rows.append([f"**all {said}**", *share_cells(*sums)])
    for phase in builds[0]["phases"]:
        phases = share_cells(*(build["phases"][phase] for build in builds))
        rows.append([f"{PHASES[phase]}, elapsed", *phases])
    rows.append(["elapsed", *share_cells(*(b["process_seconds"] for b in builds))])
    rows.append(["processor", *share_cells(*(b["cpu_seconds"] for b in builds))])
    peaks = share_cells(*(build["peak_mb"] for build in builds), form=".0f")
    rows.append(["peak memory, MB", *peaks])
    return table(["A whole build, seconds", *SHARE_TITLES], rows)


def parts_of(build: dict[str, Any], figure: str) -> dict[str, float]:
    """Seconds of models, seeds and tests added up, and of publishing."""
    found = {"models": 0.0, "seeds": 0.0, "tests": 0.0}
    for name, step in build["steps"].items():
        kind = name.split(".")[0]
        found[{"model": "models", "seed": "seeds"}.get(kind, "tests")] += step[figure]
    published = sum(seconds for _, seconds in build["last_statements"].values())
    if figure == "seconds":
        published = build["phases"]["on-run-end"]
    if figure == "cpu_seconds":
        published = build["publishing_cpu_seconds"]
    return found | {"publishing": published}


def costly_table(results: dict[str, Any], most: int = 20) -> str:
    """The models that cost most in the build of one day more."""
    # Of nodes that overlap nobody can say whose the processor's time was.
    is_single = results["threads"] == 1
    figure = "cpu_seconds" if is_single else "query_seconds"
    steps = [results[name]["steps"] for name in ("build", *MORE)]
    last = steps[-1]
    models = [name for name in last if name.startswith("model.")]
    models.sort(key=lambda name: -last[name][figure])
    spent = sum(parts_of(results[[*MORE][-1]], figure).values())
    rows = []
    for name in models[:most]:
        rows.append(
            [
                name.removeprefix("model."),
                *share_cells(*(build[name][figure] for build in steps)),
                f"{100 * last[name][figure] / spent:.1f} %",
                str(last[name]["peak_mb"]),
            ]
        )
    title = "Processor seconds of" if is_single else "Query seconds of"
    return table([title, *SHARE_TITLES, "of all of it", "MB held"], rows)


def share_cells(whole: float, *more: float, form: str = ".2f") -> list[str]:
    """A figure, and others, each with the share of it that they are."""
    cells = [f"{whole:{form}}"]
    for each in more:
        cells += [f"{each:{form}}", f"{100 * each / whole:.1f} %" if whole else ""]
    return cells


def slowest_table(results: dict[str, Any], most: int = 12) -> str:
    """The models that cost most in the whole build."""
    steps = results["build"]["steps"]
    models = [name for name in steps if name.startswith("model.")]
    models.sort(key=lambda name: -steps[name]["query_seconds"])
    rows = [
        [
            name.removeprefix("model."),
            f"{steps[name]['query_seconds']:.2f}",
            str(steps[name]["peak_mb"]),
        ]
        for name in models[:most]
    ]
    return table(["Slowest models of 180 days", "query seconds", "MB held"], rows)


def machine_line(machine: dict[str, Any]) -> str:
    """What it was measured on."""
    packages = ", ".join(
        f"{name} {number}" for name, number in machine["packages"].items() if number
    )
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB,"
        f" {machine['system']}, Python {machine['python']}; DuckDB's memory limit"
        f" {machine['memory_limit']}; {packages}."
    )


def by_task(results: dict[str, Any], figure: str) -> dict[tuple[str, str], Any]:
    """{(engine, task): figure, or why there is none}."""
    return {
        (each["engine"], each["task"]): each[figure]
        if each["status"] == "done"
        else each["status"]
        for each in results.get("tasks", [])
    }


def total(cells: dict[tuple[str, str], Any], engine: str) -> float | None:
    """The sum over an engine's tasks, None where one was not done."""
    found = [value for (name, _), value in cells.items() if name == engine]
    is_whole = found and not any(isinstance(value, str) for value in found)
    return sum(found) if is_whole else None


def ratio_cell(value: Any, ours: Any, form: str = ".2f") -> str:
    """A figure with what ours is, divided by it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    text = f"{value:{form}}"
    if not value or ours is None or isinstance(ours, str) or ours is value:
        return text
    return f"{text} ({ours / value:.2f})"


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table, numbers to the right."""
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    text = [
        "| "
        + " | ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        + " |"
        for line in lines
    ]
    rule = [
        ("-" * width) if at == 0 else "-" * (width - 1) + ":"
        for at, width in enumerate(widths)
    ]
    return "\n".join([text[0], "| " + " | ".join(rule) + " |", *text[1:]])


def size_of(results: dict[str, Any]) -> str:
    """The name under which results are kept."""
    return short(results["data"]["events"])


def keep(results: dict[str, Any], name: str) -> None:
    """Keeps results for the page, and writes it."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n")
    PAGE.write_text(page())


def page() -> str:
    """The page with the figures of the results that are kept."""
    before, _, rest = PAGE.read_text().partition(START)
    _, _, after = rest.partition(END)
    kept = {path.stem: json.loads(path.read_text()) for path in RESULTS.glob("*.json")}
    seeds = kept.pop("seeds", None)
    found = sorted(kept.values(), key=lambda results: results["data"]["events"])
    parts = [targets_table(found) + "\n"] if found else []
    parts += [as_markdown(results) for results in found]
    if seeds:
        parts.append(seeds_markdown(seeds))
    figures = "".join(f"\n{part}" for part in parts) + ("\n" if parts else "")
    return f"{before}{START}{figures}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page())
