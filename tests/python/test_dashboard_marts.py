"""A small published warehouse for the tests of the dashboard.

Its tables have the columns that the marts' contracts name, so a page that asks for a
column which a mart no longer has fails here.
"""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from tests.conformance.table_functions import statements

MODELS = Path(__file__).resolve().parents[2] / "models" / "marts"
TYPES = {"string": "varchar"}
# As the publish writes them (macros/publish.sql).
EVENTS = {
    "event_id": "varchar",
    "user_id": "varchar",
    "session_id": "varchar",
    "event_name": "varchar",
    "properties": "varchar",
    "is_activity": "boolean",
    "is_anonymous": "boolean",
    "event_date": "date",
    "event_time": "timestamp",
    "received_at": "timestamp",
}
# Read by a Markdown or HTML renderer or a careless query, it would do something.
HOSTILE = """'; drop table activation; -- <b>"x"</b> **y** $1"""

# 60 days of which the last is not over; 48 users with one plan each, one of them with a
# hostile name. Counts are chosen so that the values of a segment add up to `all`.
ROWS = {
    "build_info": """
        select 'UTC' as timezone, 12 as tests_passed, 1.96 as confidence_level_z,
            date '2026-03-01' as as_of_date,
            timestamp '2026-01-02' as data_start,
            timestamp '2026-03-02 09:00' as data_end,
            timestamp '2026-03-02 10:00' as built_at
    """,
    "user_segment_values": """
        select 'u' || lpad(i::varchar, 2, '0') as user_id, segment, segment_value
        from range(48) as users(i), lateral (
            values ('all', 'all'),
                ('plan', ['free', 'pro', $hostile][1 + i % 3])
        ) as segments(segment, segment_value)
    """,
    "daily_active": """
        select segment, segment_value,
            share * (10 + day % 7) as dau,
            share * (20 + day % 7) as wau,
            share * 30 as mau,
            0.4 as stickiness,
            share * 1 as new_users,
            share * (9 + day % 7) as returning_users,
            0 as resurrected_users, 0 as dormant_users,
            share * 12 as sessions, share * 90 as events,
            day < 59 as is_complete, day >= 6 as is_full_window_wau,
            day >= 27 as is_full_window_mau,
            date '2026-01-02' + day::integer as activity_date
        from range(60) as days(day), $values
    """,
    "lifecycle": """
        select unnest(['day', 'week', 'month']) as period, segment, segment_value,
            share * 4 as new_users, share * 12 as returning_users,
            share * 2 as resurrected_users, share * 3 as dormant_users,
            share * 18 as active_users, 2.0 as quick_ratio,
            week < 8 as is_complete,
            date '2026-01-05' + 7 * week::integer as period_start
        from range(9) as weeks(week), $values
    """,
    "feature_usage": """
        select event_name, unnest(['week', 'month']) as period, segment, segment_value,
            share * 6 as users, share * 18 as events, share as first_time_users,
            share * 3 as repeat_users, share * 18 as active_users,
            share * 5 as retained_users, share * 12 as retained_active_users,
            true as is_complete, week < 7 as is_next_complete,
            date '2026-01-05' + 7 * week::integer as period_start
        from range(8) as weeks(week), $values,
            (values ('file_opened'), ($hostile)) as events(event_name)
    """,
    "stickiness": """
        select segment, segment_value, days as window_days, n as active_days,
            share * (days - n + 1) as users_exact,
            share * (days - n + 1) * (days - n + 2) // 2 as users_at_least,
            share * days * (days + 1) // 2 as active_users,
            true as is_full_window, date '2026-03-01' as as_of_date
        from (values (7), (28)) as windows(days), range(1, days + 1) as numbers(n),
            $values
    """,
    "retention_brackets": """
        select 'day' as period, segment, segment_value, first as first_period_number,
            last as last_period_number, share * 10 as cohort_users,
            share * (9 - last) as retained_users, cohort < 6 as is_complete,
            date '2026-01-05' + cohort::integer as cohort_start
        from range(8) as cohorts(cohort),
            (values (0, 0), (1, 3), (4, 7)) as brackets(first, last), $values
    """,
    "user_profiles": """
        select user_id, 2 as active_days, false as is_anonymous,
            date '2026-01-05' + (rank * 7 // 8)::integer as cohort_date,
            cohort_date as first_active_date, date '2026-03-01' as last_active_date,
            cohort_date + interval 12 hour as cohort_at, cohort_at as signed_up_at
        from (
            select user_id, row_number() over (order by user_id) - 1 as rank
            from user_segment_values where segment = 'all'
        )
    """,
    "events": """
        select user_id || '-' || number as event_id, user_id, user_id as session_id,
            'file_opened' as event_name, '{}' as properties, true as is_activity,
            false as is_anonymous,
            if(number = 0, cohort_at, timestamp '2026-03-01 08:00') as event_time,
            event_time::date as event_date
        from user_profiles, range(2) as numbers(number)
    """,
    "activation": """
        select user_id,
            timestamp '2026-01-05 12:00' + to_days((rank * 7 // 8)::integer)
                as signed_up_at,
            rank % 2 = 0 as is_activated, rank < 40 as is_matured
        from (
            select user_id, row_number() over (order by user_id) - 1 as rank
            from user_segment_values where segment = 'all'
        )
    """,
    "funnel_attempts": """
        select 'buy' as funnel, user_id, user_id as actor_id, 1 as attempt_number,
            depth as deepest_step,
            list_resize(
                list_transform(range(depth), lambda step: entered_at + to_hours(step)), 3
            ) as step_times,
            true as is_headline, true as is_first, rank < 40 as is_matured,
            false as had_tie, entered_at::date as entry_date, entered_at
        from (
            select user_id, rank, 1 + rank // 3 % 3 as depth,
                timestamp '2026-01-05 12:00' + to_days(rank::integer) as entered_at
            from (
                select user_id, row_number() over (order by user_id) - 1 as rank
                from user_segment_values where segment = 'all'
            )
        )
    """,
    "funnel_steps": """
        select 'buy' as funnel, segment, segment_value, step_number, step_name,
            'ordered' as step_order, 7 * 86400 as window_seconds, false as is_optional
        from $values, (
            values (1, 'see_it'), (2, 'want it'), (3, 'buy it')
        ) as steps(step_number, step_name)
    """,
    "cohort_retention": """
        select unnest(['day', 'week', 'month']) as period, segment, segment_value,
            number as period_number, share * 10 as cohort_users,
            share * (10 - number) as retained_users,
            share * (10 - number) as retained_on_or_after_users,
            cohort + number < 8 as is_complete,
            date '2026-01-05' + 7 * cohort::integer as cohort_start
        from range(8) as cohorts(cohort), range(9) as numbers(number), $values
        where cohort + number <= 8
    """,
    "user_features": """
        select user_id, '{}' as segments, 3 as recency_days, 5 as active_days_28,
            date '2026-03-01' as as_of_date
        from user_segment_values where segment = 'all'
    """,
    "user_event_usage": """
        select user_id, 'file_opened' as event_name, 4 as events_28,
            2 as active_days_28, date '2026-02-01' as as_of_date
        from user_segment_values where segment = 'all' and user_id < 'u24'
    """,
    "churn_labels": """
        select user_id, user_id >= 'u20' as is_churned, true as is_closed,
            date '2026-02-01' as as_of_date, date '2026-03-01' as label_end_date
        from user_segment_values where segment = 'all'
    """,
    "churn_scores": """
        select user_id, (rank + 0.5) / 48 as churn_probability,
            1 + rank * 10 // 48 as risk_decile,
            case when rank < 24 then 'low' when rank < 36 then 'medium' else 'high' end
                as risk_band,
            'active on ' || rank || ' days of the last 14 (typical: 2)' as top_reason_1,
            $hostile as top_reason_2, false as is_new_user, 'v1' as model_version,
            date '2026-03-01' as as_of_date
        from (
            select user_id, row_number() over (order by user_id) - 1 as rank
            from user_segment_values where segment = 'all'
        )
    """,
    "path_transitions": """
        select segment, segment_value, from_event, to_event, step as from_step,
            share * 4 as transitions, share * 3 as users, 1.0 as share_of_from,
            date '2026-01-01' as period_start
        from (values (0, '(start)', 'file_opened'), (1, 'file_opened', $hostile),
                (2, $hostile, '(exit)')) as edges(step, from_event, to_event), $values
    """,
    "feature_breadth": """
        select unnest(['day', 'week', 'month']) as period, segment, segment_value,
            n as features_used, share * (5 - n) as users, (5 - n) / 10 as share,
            true as is_complete, date '2026-02-23' as period_start
        from range(1, 5) as numbers(n), $values
    """,
    "feature_adoption": """
        select event_name, segment, segment_value, week as life_week,
            share * 12 as users, share * week as adopted_users,
            week / 12 as adoption_rate, week / 12 - 0.01 as ci_low,
            week / 12 + 0.01 as ci_high
        from range(1, 9) as weeks(week), (values ('file_opened'), ($hostile))
            as events(event_name), $values
    """,
    "behavior_impact": """
        select event_name, 'confirmed' as verdict, 'They go together.' as statement,
            2 as threshold, 48 as users, 24 as users_with, 24 as users_without,
            18 as retained_with, 9 as retained_without, 24 as smallest_group,
            0.5 as reach, 0.75 as retained_with_rate, 0.375 as retained_without_rate,
            0.375 as risk_difference, 2.0 as lift, 0.4 as phi,
            0.3 as adjusted_risk_difference, 0.2 as ci_low, 0.4 as ci_high,
            0.01 as p_value, 0.02 as q_value, 0.3 as confirmed_risk_difference,
            0.2 as confirmed_ci_low, 0.4 as confirmed_ci_high, 0.15 as impact,
            0.1 as impact_ci_low, 0.2 as impact_ci_high, rank as impact_rank,
            true as is_best_threshold, true as is_confirmed
        from (values (1, 'file_opened'), (2, $hostile)) as events(rank, event_name)
    """,
    "user_segments": """
        select user_id, ['power', 'casual', 'dormant'][1 + rank % 3] as engagement_tier,
            ['More file_opened', $hostile][1 + rank % 2] as behavior_segment,
            engagement_tier || ': ' || behavior_segment as segment_label,
            1 + rank % 2 as behavior_segment_id, 3 as active_days_28,
            unnest([date '2026-02-01', date '2026-03-01']) as as_of_date
        from (
            select user_id, row_number() over (order by user_id) - 1 as rank
            from user_segment_values where segment = 'all'
        )
    """,
    "segment_profiles": """
        select behavior_segment, event_name, number as behavior_segment_id, 24 as users,
            20 as users_with_event, 0.3 as share, 0.2 as population_share,
            1.5 as index, 0.9 as stability, date '2026-03-01' as as_of_date
        from (values (1, 'More file_opened'), (2, $hostile))
            as segments(number, behavior_segment),
            (values ('file_opened'), ($hostile)) as events(event_name)
    """,
    "segment_retention": """
        select engagement_tier, behavior_segment, 8 as users, 4 as later_active_users,
            0.5 as retention_rate, 0.2 as ci_low, 0.8 as ci_high,
            day = date '2026-02-01' as is_closed, day as as_of_date
        from (values ('all'), ('power'), ('casual'), ('dormant')) as tiers(engagement_tier),
            (values ('all'), ('More file_opened'), ($hostile))
                as segments(behavior_segment),
            (values (date '2026-02-01'), (date '2026-03-01')) as days(day)
    """,
    "segment_moves": """
        select axis, start as from_segment, finish as to_segment, 5 as users,
            0.5 as share_of_from, date '2026-02-01' as from_as_of_date,
            date '2026-03-01' as to_as_of_date
        from (values ('engagement_tier', 'power', 'casual'),
                ('engagement_tier', 'casual', 'power'),
                ('behavior_segment', 'More file_opened', $hostile),
                ('behavior_segment', $hostile, 'More file_opened'))
            as moves(axis, start, finish)
    """,
    "data_quality": """
        select check_name, reason, 9 + week as rows, set_aside * week as rejected_rows,
            week = 3 as is_anomaly, date '2026-01-05' + 7 * week::integer as check_date
        from range(8) as weeks(week), (
            values ('events: modelled', 'modelled', 0),
                ('events: no_user', 'set aside: ' || $hostile, 1),
                ('events: late', 'arrived late', 0)
        ) as checks(check_name, reason, set_aside)
    """,
    "survival_curves": """
        select segment, segment_value, day, share * (40 - day) as at_risk_users,
            share as returned_users, 0 as censored_users, 1 - day / 40 as away_rate,
            1 - day / 39 as ci_low, 1 - day / 41 as ci_high, day / 40 as returned_rate
        from range(29) as days(day), $values
    """,
    "churn_calibration": """
        select model, split, bin, 30 as rows, 30 as users,
            (bin - 1) / 10 as probability_low, bin / 10 as probability_high,
            bin / 10 - 0.05 as predicted_rate, bin / 10 - 0.04 as churned_rate,
            bin / 10 - 0.1 as ci_low, bin / 10 as ci_high
        from (values ('shipped'), ('recency_rule')) as models(model),
            (values ('test')) as splits(split), range(1, 11) as bins(bin)
    """,
    "churn_model_choice": """
        select model, 'Chosen: the simplest that is not worse.' as reason, complexity,
            0.4 as selection_log_loss, 0.01 * complexity as difference_to_best,
            0.0 as difference_ci_low, 0.02 as difference_ci_high,
            90 as selection_rows, complexity = 3 as is_best, complexity = 3 as is_champion,
            date '2026-01-04' as first_selection_date,
            date '2026-01-25' as last_selection_date
        from (values (1, 'base_rate'), (2, 'recency_rule'), (3, 'logistic'))
            as candidates(complexity, model)
    """,
    "churn_thresholds": """
        select percent as contacted_percent, percent as contacted_users,
            percent // 2 as churners_reached, 1 - percent / 100 as threshold_probability,
            0.5 as precision, percent / 100 as capture, 1.2 as lift,
            1.0 * percent as cost, 2.5 * percent as value, 1.5 * percent as net_value,
            percent = 40 as is_most_valuable
        from range(1, 101) as percents(percent)
    """,
    "churn_drift": """
        select feature, status, 10 as bins, 90 as reference_rows, 48 as current_rows,
            0.1 as psi, 0.02 as psi_by_chance, 0.01 as score_shift,
            status = 'act' as needs_attention
        from (values ('recency_days', 'stable'), ('score', 'watch'))
            as features(feature, status)
    """,
    "churn_score_outcomes": """
        select user_id, 'v1' as model_version, 'high' as risk_band,
            0.8 as churn_probability, 28 as horizon_days, 3 as days_to_return,
            user_id < 'u24' as is_churned, false as is_new_user,
            date '2026-02-01' as as_of_date, date '2026-03-01' as label_end_date
        from user_segment_values where segment = 'all'
    """,
    "churn_model_metrics": """
        select model, 'test' as split, metric, 0.8 as value, 0.7 as ci_low,
            0.9 as ci_high, 90 as rows, 0.4 as base_rate
        from (values ('logistic'), ('recency_rule'), ('base_rate')) as models(model),
            (values ('roc_auc'), ('pr_auc'), ('lift_at_10'), ('log_loss'),
                ('roc_auc_minus_recency_rule')) as metrics(metric)
        union all by name
        select 'logistic' as model, 'test 2026-01-25' as split, 'roc_auc' as metric
    """,
}
VALUES = """(
    values ('all', 'all', 3), ('plan', 'free', 1), ('plan', 'pro', 1),
        ('plan', $hostile, 1)
) as slices(segment, segment_value, share)"""


@functools.cache
def contracts() -> dict[str, dict[str, str]]:
    """Columns and DuckDB types of every mart, from the contracts of the models."""
    marts: dict[str, dict[str, str]] = {}
    for path in sorted(MODELS.rglob("_*__models.yml")):
        for model in yaml.safe_load(path.read_text())["models"]:
            marts[model["name"]] = {
                column["name"]: _duckdb_type(column["data_type"])
                for column in model.get("columns", ())
                if "data_type" in column
            }
    return {mart: columns for mart, columns in marts.items() if columns}


def _duckdb_type(data_type: str) -> str:
    return "timestamp[]" if "[]" in data_type else TYPES.get(data_type, data_type)


def publish(
    folder: Path,
    build: str,
    *,
    rows: Mapping[str, str] = ROWS,
    without: tuple[str, ...] = (),
    change: str | None = None,
) -> Path:
    """Publishes a small warehouse as a build does; returns the published file.

    Args:
        rows: what each table holds; the others are empty.
        without: tables to leave out.
        change: SQL to run on the finished file.
    """
    published = folder / "published"
    (published / "events").mkdir(parents=True, exist_ok=True)
    path = published / f"{build}.duckdb"
    if rows is ROWS:
        shutil.copyfile(usual_file(), path)
    else:
        fill(path, rows)
    with duckdb.connect(str(path)) as connection:
        for table in without:
            connection.execute(f'drop table "{table}"')
        if change:
            connection.execute(change)
    point_at(folder, build)
    record(folder, build, "published")
    return path


@functools.cache
def usual_file() -> Path:
    """The published file with ROWS, made once: others begin as a copy of it."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    fill(folder / "usual.duckdb", ROWS)
    return folder / "usual.duckdb"


def fill(path: Path, rows: Mapping[str, str]) -> None:
    with duckdb.connect(str(path)) as connection:
        for statement in created():
            connection.execute(statement)
        for table, select in rows.items():
            connection.execute(f'insert into "{table}" by name {_filled_in(select)}')


@functools.cache
def created() -> tuple[str, ...]:
    """What makes the published file: the marts' tables, the events, the functions."""
    tables = {**contracts(), "events": EVENTS}
    return (
        *(
            f'create table "{table}" ('
            + ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            + ")"
            for table, columns in tables.items()
        ),
        *statements(marts=None),
        _filled_in("comment on column daily_active.dau is $hostile"),
    )


def point_at(folder: Path, build: str) -> None:
    pointer = {"file": f"published/{build}.duckdb", "build": build}
    new = folder / "current.json.new"
    new.write_text(json.dumps(pointer))
    new.replace(folder / "current.json")


def record(folder: Path, build: str, status: str, **more: Any) -> None:
    told = {
        "build": build,
        "status": status,
        "started_at": "2026-03-02T10:00:00Z",
        "failed": [],
        "failed_count": 0,
        **more,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "last_build.json").write_text(json.dumps(told))


def _filled_in(select: str) -> str:
    quoted = "'" + HOSTILE.replace("'", "''") + "'"
    return select.replace("$values", VALUES).replace("$hostile", quoted)


@pytest.mark.parametrize("table", ROWS)
def test_the_small_warehouse_has_only_columns_of_the_contracts(table: str) -> None:
    assert table == "events" or contracts()[table]
