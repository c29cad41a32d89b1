"""What is chosen on a page lives in its URL: short, stable ids, never labels.

The URL is the one truth: a widget shows what it says, and a choice is written into it
before the page is drawn. So a link, a reload and the browser's way back reproduce the
page. What is at its default is not in the URL.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import streamlit as st

# What a page is asked for by the filters, which the menu's links bring along.
CARRIED = ("days", "from", "to", "segment", "value", "versus", "period")


def carried() -> dict[str, list[str]]:
    """What a link to another page is to have of what is chosen on this one."""
    return {name: texts for name, texts in _all().items() if name in CARRIED}


def read(name: str, allowed: Sequence[str], default: str) -> str:
    """The id in the URL; the default where there is none that is allowed."""
    text = st.query_params.get(name, default)
    return text if text in allowed else default


def read_all(name: str, allowed: Sequence[str]) -> list[str]:
    """The ids in the URL that are allowed, in the order of the allowed ones."""
    given = set(st.query_params.get_all(name))
    return [text for text in allowed if text in given]


def read_day(name: str, default: date) -> date:
    try:
        return date.fromisoformat(st.query_params.get(name, ""))
    except ValueError:
        return default


def choose(
    widget: Callable[..., Any],
    label: str,
    name: str,
    options: Sequence[str],
    default: str,
    *,
    clears: Sequence[str] = (),
    **appearance: Any,
) -> str:
    """One of the options, by a selectbox, radio or segmented control.

    A choice removes what `clears` names from the URL, as it was chosen under another.
    """
    key = _key(name)
    st.session_state[key] = read(name, options, default)
    widget(
        label,
        options,
        key=key,
        on_change=_write,
        args=(name, default, clears),
        **appearance,
    )
    return read(name, options, default)


def choose_some(
    widget: Callable[..., Any],
    label: str,
    name: str,
    options: Sequence[str],
    **appearance: Any,
) -> list[str]:
    """Some of the options, by a multiselect or pills; none are none."""
    key = _key(name)
    st.session_state[key] = read_all(name, options)
    widget(label, options, key=key, on_change=_write, args=(name, []), **appearance)
    return read_all(name, options)


def enter_text(label: str, name: str, **appearance: Any) -> str:
    """A text of the user's own."""
    key = _key(name)
    st.session_state[key] = st.query_params.get(name, "")
    st.text_input(label, key=key, on_change=_write, args=(name, ""), **appearance)
    return st.query_params.get(name, "")


def switch(label: str, name: str, **appearance: Any) -> bool:
    """On or off."""
    key = _key(name)
    st.session_state[key] = name in st.query_params
    st.toggle(label, key=key, on_change=_write, args=(name, False), **appearance)
    return name in st.query_params


def slide(label: str, name: str, ends: tuple[int, int], default: int) -> int:
    """A whole number between two ends, both included, by a slider."""
    key, (low, high) = _key(name), ends
    text = st.query_params.get(name, "")
    number = min(max(int(text), low), high) if text.isdecimal() else default
    st.session_state[key] = number
    st.slider(label, low, high, key=key, on_change=_write, args=(name, default))
    return number


def choose_days(
    label: str, first: date, last: date, **appearance: Any
) -> tuple[date, date]:
    """Two days of the data, both included; without a choice all of them."""
    key = _key("days between")
    start = min(max(read_day("from", first), first), last)
    end = min(max(read_day("to", last), start), last)
    picked = st.session_state.get(key)
    # While the second day is still to be picked there is one.
    if not isinstance(picked, tuple) or len(picked) != 1:
        st.session_state[key] = (start, end)
    st.date_input(
        label,
        min_value=first,
        max_value=last,
        format="YYYY-MM-DD",
        key=key,
        on_change=_write_days,
        **appearance,
    )
    return start, end


def _key(name: str) -> str:
    return f"choice {name}"


def _all() -> dict[str, list[str]]:
    return {name: st.query_params.get_all(name) for name in st.query_params}


def _change(**changes: Any) -> None:
    """Sets what is in the URL, or removes what is None: one step of the way back."""
    kept = {name: texts for name, texts in _all().items() if name not in changes}
    given = {name: value for name, value in changes.items() if value is not None}
    st.query_params.from_dict(kept | given)


def _write(name: str, default: Any, clears: Sequence[str] = ()) -> None:
    chosen = st.session_state[_key(name)]
    text = "1" if chosen is True else chosen
    is_default = chosen is None or chosen == default
    _change(**dict.fromkeys(clears), **{name: None if is_default else text})


def _write_days() -> None:
    picked = st.session_state[_key("days between")]
    if isinstance(picked, tuple) and len(picked) == 2:
        start, end = map(str, picked)
        _change(**{"from": start, "to": end})
