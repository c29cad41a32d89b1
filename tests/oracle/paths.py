"""Paths: what follows what in a session, and what comes before or after an event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tests.oracle.events import Event, as_text, by_user
from tests.oracle.sessions import Session, in_order

START = "(start)"
EXIT = "(exit)"
EARLIER = "(earlier)"
CONTINUES = "(continues)"
OTHER = "(other)"
NOT_SET = "(not set)"

Edge = tuple[int, str, int, str]
"""Step and node that it comes from, step and node that it goes to."""


@dataclass(frozen=True)
class Path:
    """The part of a session that is looked at, and how it is come by and left."""

    user_id: str
    nodes: tuple[str, ...]
    first_step: int = 1
    way_in: str = START
    way_out: str = EXIT


def node_of(event: Event, property_name: str | None = None) -> str:
    """The name of an event, or the value of a property of it."""
    if property_name is None:
        return event.name
    value = as_text(event.properties.get(property_name))
    return NOT_SET if value is None else value


def path_of(
    session: Session,
    property_name: str | None = None,
    start_point: str | None = None,
    end_point: str | None = None,
    max_steps: int | None = None,
) -> Path | None:
    """What is looked at of a session; None where it has no such points.

    It begins at the first `start_point` and ends at the first `end_point` from there
    on. With an end point alone, steps are counted back from it, which is step 0, and
    the last `max_steps` nodes are looked at instead of the first.
    """
    nodes = [node_of(event, property_name) for event in session.events]
    way_in, way_out = START, EXIT
    if start_point is not None:
        if start_point not in nodes:
            return None
        nodes = nodes[nodes.index(start_point) :]
    if end_point is not None:
        if end_point not in nodes:
            return None
        end = nodes.index(end_point)
        if end < len(nodes) - 1:
            way_out = CONTINUES
        nodes = nodes[: end + 1]
    from_the_end = end_point is not None and start_point is None
    if max_steps is not None and len(nodes) > max_steps:
        if from_the_end:
            nodes, way_in = nodes[-max_steps:], EARLIER
        else:
            nodes, way_out = nodes[:max_steps], CONTINUES
    first_step = 1 - len(nodes) if from_the_end else 1
    return Path(session.user_id, tuple(nodes), first_step, way_in, way_out)


def edges(path: Path) -> list[Edge]:
    """The transitions of a path, the way in and the way out included."""
    result = []
    step, node = path.first_step - 1, path.way_in
    for target in (*path.nodes, path.way_out):
        result.append((step, node, step + 1, target))
        step, node = step + 1, target
    return result


def with_top_nodes(
    paths: Iterable[Path], top_nodes: int, points: Iterable[str | None] = ()
) -> list[Path]:
    """The paths with all but the most frequent nodes called (other).

    Of nodes that occur equally often the first by name is kept. Start and end `points`
    keep their names besides.
    """
    paths = list(paths)
    counts = Counter(node for path in paths for node in path.nodes)
    ranked = sorted(counts, key=lambda node: (-counts[node], node))
    kept = {*ranked[:top_nodes], *points}
    return [
        Path(
            path.user_id,
            tuple(node if node in kept else OTHER for node in path.nodes),
            path.first_step,
            path.way_in,
            path.way_out,
        )
        for path in paths
    ]


def counted_edges(paths: Iterable[Path]) -> list[tuple[Edge, int, int]]:
    """Each edge, how often it was taken, and by how many users."""
    taken: dict[Edge, list[str]] = {}
    for path in paths:
        for edge in edges(path):
            taken.setdefault(edge, []).append(path.user_id)
    return [(edge, len(users), len(set(users))) for edge, users in taken.items()]


def flows(
    events: Iterable[Event], primary_event: str, direction: str, length: int
) -> list[tuple[tuple[str, ...], int, int]]:
    """What came before or after each occurrence of an event, the nearest first.

    A flow starts with the event itself and has up to `length` events more of the user;
    with it, how often it occurred and to how many users.
    """
    found: dict[tuple[str, ...], list[str]] = {}
    for user_id, own in by_user(events).items():
        ordered = in_order(own)
        if direction == "before":
            ordered = ordered[::-1]
        for position, event in enumerate(ordered):
            if event.name == primary_event:
                reach = ordered[position : position + length + 1]
                flow = tuple(other.name for other in reach)
                found.setdefault(flow, []).append(user_id)
    return [(flow, len(users), len(set(users))) for flow, users in found.items()]
