{#
    The power curve: users by the number of days on which they were active in a trailing
    window, per as_of_date x window x segment x segment_value x active_days (1 to the
    window's length, zeros included).

    user_days: relation with user_id, activity_date (one row per user and active day).
    user_segments: relation with user_id, segment, segment_value.
    as_of_dates: relation with as_of_date, the windows' last days.
    windows: lengths in days, e.g. [7, 28].

    users_exact: active on exactly that many days; users_at_least: on that many or more;
    active_users: on at least one.
#}
{% macro stickiness(user_days, user_segments, as_of_dates, windows) -%}
    {%- for length in windows -%}
        {#- A text is SQL, as in a table function's parameter. -#}
        {%- if length is not string and (length is not integer or length < 1) -%}
            {%- do exceptions.raise_compiler_error(
                'windows of stickiness: got ' ~ length ~ ', allowed are whole numbers of days from 1'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    with

    window_lengths as (
    {% for length in windows %}
        select {{ length }} as window_days
        {{- '\n        union all' if not loop.last }}
    {%- endfor %}

    ),

    user_windows as (

        select
            user_days.user_id,
            window_lengths.window_days,
            count(*) as active_days,
            as_of_dates.as_of_date

        from {{ as_of_dates }} as as_of_dates
        cross join window_lengths
        inner join {{ user_days }} as user_days
            on as_of_dates.as_of_date >= user_days.activity_date
            and {{ days_between('user_days.activity_date', 'as_of_dates.as_of_date') }} < window_lengths.window_days
        group by user_days.user_id, window_lengths.window_days, as_of_dates.as_of_date

    ),

    exact_counts as (

        select
            user_segments.segment,
            user_segments.segment_value,
            user_windows.window_days,
            user_windows.active_days,
            count(*) as users,
            user_windows.as_of_date

        from user_windows
        inner join {{ user_segments }} as user_segments
            on user_windows.user_id = user_segments.user_id
        group by
            user_segments.segment,
            user_segments.segment_value,
            user_windows.window_days,
            user_windows.active_days,
            user_windows.as_of_date

    ),

    slices as (

        select
            segment,
            segment_value

        from {{ user_segments }}
        group by segment, segment_value

    ),

    grid as (

        select
            slices.segment,
            slices.segment_value,
            window_lengths.window_days,
            {{ number_series(1, 'window_lengths.window_days') }} as active_days,
            as_of_dates.as_of_date

        from {{ as_of_dates }} as as_of_dates
        cross join window_lengths
        cross join slices

    )

    select
        grid.segment,
        grid.segment_value,
        grid.window_days,
        grid.active_days,
        coalesce(exact_counts.users, 0) as users_exact,
        sum(coalesce(exact_counts.users, 0)) over (
            partition by grid.segment, grid.segment_value, grid.window_days, grid.as_of_date
            order by grid.active_days desc
            rows between unbounded preceding and current row
        ) as users_at_least,
        sum(coalesce(exact_counts.users, 0)) over (
            partition by grid.segment, grid.segment_value, grid.window_days, grid.as_of_date
        ) as active_users,
        grid.as_of_date

    from grid
    left join exact_counts
        on grid.segment = exact_counts.segment
        and grid.segment_value = exact_counts.segment_value
        and grid.window_days = exact_counts.window_days
        and grid.active_days = exact_counts.active_days
        and grid.as_of_date = exact_counts.as_of_date
{%- endmacro %}

{#
    Users by the number of periods of a range in which they were active, one row per number
    from 1 to the number of periods in the range. Of a period that the range cuts, only
    the part inside it is looked at.

    events: relation with user_id, event_name, properties, event_time.
    period: minute to month; every: periods are taken in groups of so many, counted from
    the range's first one.
    per_period: {op: eq, gte, gt, lte or lt, value}: how many events make a user active in
    a group; at least one event always.
#}
{% macro stickiness_of_events(
    events, event=none, period='day', every=1, date_from=none, date_to=none,
    per_period=none, week_start=none, where=none, user_where=none
) -%}
    {%- set operators = {'eq': '=', 'gte': '>=', 'gt': '>', 'lte': '<=', 'lt': '<'} -%}
    {%- set wanted = per_period or {'op': 'gte', 'value': 1} -%}
    {%- do require_one_of('op of per_period', wanted.get('op'), operators.keys()) -%}
    {%- if every is not integer or every < 1 -%}
        {%- do exceptions.raise_compiler_error(
            'every: got ' ~ every ~ ', allowed are whole numbers from 1'
        ) -%}
    {%- endif -%}
    {%- set period_of_event = period_of(period, 'matching_events.event_time', week_start) -%}
    with

    matching_events as (

        select
            user_id,
            event_time

        from {{ events }}
        where
            {{ event_filter(event, where, user_where) }}
            and {{ in_time_range(date_from, date_to) }}

    ),

    reported_periods as (

        {{ period_range('matching_events', period, date_from, date_to, week_start) | indent(4) }}

    ),

    user_groups as (

        select
            user_id,
            group_number

        from (
            select
                matching_events.user_id,
                floor(
                    {{ periods_between(period, 'reported_periods.first_period', period_of_event) }} / {{ every }}
                ) as group_number

            from matching_events
            cross join reported_periods
        ) as grouped_events
        group by user_id, group_number
        having count(*) {{ operators[wanted.op] }} {{ wanted.value }}

    ),

    user_totals as (

        select
            user_id,
            count(*) as active_periods

        from user_groups
        group by user_id

    ),

    grid as (

        select
            {{ number_series(
                1,
                'cast(floor(' ~ periods_between(period, 'first_period', 'last_period') ~ ' / ' ~ every ~ ') as integer) + 1'
            ) }} as active_periods

        from reported_periods
        where first_period <= last_period

    )

    select
        grid.active_periods,
        count(case when user_totals.active_periods = grid.active_periods then 1 end) as users_exact,
        count(user_totals.user_id) as users_at_least

    from grid
    left join user_totals on grid.active_periods <= user_totals.active_periods
    group by grid.active_periods
{%- endmacro %}
