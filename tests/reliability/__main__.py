"""`python -m tests.reliability`: builds that are killed, and other hardships.

Prints a line per case and the totals; exit status 1 if anything was not as promised.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tests.builds import PROJECT
from tests.reliability.hardships import Outcome, run_cases
from tests.reliability.kills import MOST_KILLS, Kill, kill_builds
from tests.reliability.projects import make_small_project


def main() -> int:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        project = PROJECT
        if arguments.project == "small":
            project = make_small_project(folder / "small")
        errors = 0
        if arguments.kills:
            kills = kill_builds(
                project, folder / "killed", arguments.kills, arguments.seed
            )
            errors += report_kills(kills)
        if not arguments.only_kills:
            errors += report_cases(run_cases(project, folder / "cases"))
    return 1 if errors else 0


def report_cases(outcomes: Iterable[Outcome]) -> int:
    """Prints a table of cases as they come; gives how much was not as promised."""
    problems = cases = 0
    _row("case", "said", "as promised")
    _row(*["---"] * 3)
    for outcome in outcomes:
        cases += 1
        problems += len(outcome.problems)
        _row(outcome.name, "; ".join(outcome.said), "no" if outcome.problems else "yes")
        for problem in outcome.problems:
            print(f"\n{problem}\n", flush=True)
    print(f"\n{cases} cases, {problems} things not as promised.\n")
    return problems


def report_kills(kills: Iterable[Kill]) -> int:
    """Prints a table of kills as they come, and what they add up to; gives the errors."""
    done: list[Kill] = []
    _row(
        "kill",
        "at",
        "killed in",
        "running",
        "published",
        "next build",
        "reads",
        "errors",
    )
    _row(*["---"] * 8)
    for kill in kills:
        done.append(kill)
        _row(
            len(done),
            kill.moment,
            kill.phase,
            kill.running,
            "yes" if kill.published else "no",
            kill.next_build + (", equal to one from nothing" if kill.is_equal else ""),
            kill.reads,
            len(kill.errors),
        )
        for error in kill.errors:
            print(f"\n{error}\n", flush=True)
    phases = Counter(kill.phase for kill in done)
    errors = sum(len(kill.errors) for kill in done)
    print(
        f"\n{len(done)} builds were killed: "
        + ", ".join(f"{phase} {count}" for phase, count in phases.most_common())
        + f".\nThe next build succeeded {sum(k.has_succeeded for k in done)} times; "
        f"{sum(kill.is_equal for kill in done)} of {sum(k.is_compared for k in done)} "
        "compared equal to a build from nothing, row for row."
        f"\nThe published file was read {sum(kill.reads for kill in done)} times, "
        f"of {done[-1].builds} versions. {errors} errors.\n"
    )
    return errors


def _row(*cells: object) -> None:
    print("|", " | ".join(map(str, cells)), "|", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability")
    parser.add_argument(
        "--kills", type=int, default=50, help=f"how many builds, 0 to {MOST_KILLS}"
    )
    parser.add_argument(
        "--only-kills", action="store_true", help="without the other hardships"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    parser.add_argument(
        "--project",
        choices=["whole", "small"],
        default="whole",
        help="all models and tests; or staging, core and the marts of quality alone",
    )
    parser.add_argument("--folder", type=Path, help="where to put the warehouses")
    arguments = parser.parse_args()
    if not 0 <= arguments.kills <= MOST_KILLS:
        parser.error(f"--kills: got {arguments.kills}, allowed are 0 to {MOST_KILLS}.")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
