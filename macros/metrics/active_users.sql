{#
    Distinct active users in trailing windows, per period x segment x segment_value.

    windows: {output column: length in periods, the period itself included}. A window of
    one period counts the users of that day, week, month or hour.
    user_days: relation with user_id and the column `at` (one row per user and active
    period).
    user_segments: relation with user_id, segment, segment_value.
    dates: relation with the column `at`, without gaps, from the first active period on.
    period: minute, hour, day, week or month; at: the name of the column with its start.

    There is no user x day spine: an active day opens an interval of the window's length
    that the user's next active day cuts short, so a user counts once while any interval
    covers the date. Users entered minus users left, summed up to the date, is exact.
#}
{% macro active_users(user_days, user_segments, dates, windows, period='day', at='activity_date') -%}
    select
        spine.segment,
        spine.segment_value,
        {%- for column, length in windows.items() %}
        cast(
            sum(coalesce(changes.entered_{{ column }}, 0)) over (
                partition by spine.segment, spine.segment_value
                order by spine.{{ at }}
                rows between unbounded preceding and current row
            ) - coalesce(sum(coalesce(changes.last_{{ column }}, 0)) over (
                partition by spine.segment, spine.segment_value
                order by spine.{{ at }}
                rows between unbounded preceding and {{ length }} preceding
            ), 0) as bigint
        ) as {{ column }},
        {%- endfor %}
        spine.{{ at }}

    from (
        select
            slices.segment,
            slices.segment_value,
            dates.{{ at }}

        from {{ dates }} as dates
        cross join (
            select
                segment,
                segment_value

            from {{ user_segments }}
            group by segment, segment_value
        ) as slices
    ) as spine
    left join (
        select
            user_segments.segment,
            user_segments.segment_value,
            intervals.{{ at }},
            {%- for column, length in windows.items() %}
            count(
                case
                    when
                        intervals.previous_start is null
                        or {{ periods_between(period, 'intervals.previous_start', 'intervals.' ~ at) }} >= {{ length }}
                        then 1
                end
            ) as entered_{{ column }},
            count(
                case
                    when
                        intervals.next_start is null
                        or {{ periods_between(period, 'intervals.' ~ at, 'intervals.next_start') }} >= {{ length }}
                        then 1
                end
            ) as last_{{ column }}{{ ',' if not loop.last }}
            {%- endfor %}

        from (
            select
                user_id,
                {{ at }},
                lag({{ at }}) over (partition by user_id order by {{ at }}) as previous_start,
                lead({{ at }}) over (partition by user_id order by {{ at }}) as next_start

            from {{ user_days }}
        ) as intervals
        inner join {{ user_segments }} as user_segments
            on intervals.user_id = user_segments.user_id
        group by
            user_segments.segment, user_segments.segment_value, intervals.{{ at }}
    ) as changes
        on spine.segment = changes.segment
        and spine.segment_value = changes.segment_value
        and spine.{{ at }} = changes.{{ at }}
{%- endmacro %}

{#
    The same from events (user_id, event_name, properties, event_time), for any event or
    one: a row per period_start of the range, sliced by the values of an event's property
    (breakdown) besides `all`. A user with events of several values is in each of them, so
    slices of a breakdown do not add up. Windows look back before date_from.
#}
{% macro active_users_of_events(
    events, windows, event=none, period='day', week_start=none, date_from=none, date_to=none,
    breakdown=none, where=none, user_where=none
) -%}
    with

    {{ sliced_events(events, event, breakdown, where, user_where) }},

    user_periods as (

        select
            actor as user_id,
            {{ period_of(period, 'event_time', week_start) }} as period_start

        from sliced_events
        group by actor, {{ period_of(period, 'event_time', week_start) }}

    ),

    actor_slices as (

        select
            actor as user_id,
            segment,
            segment_value

        from sliced_events
        group by actor, segment, segment_value

    ),

    reported_periods as (

        {{ period_range('sliced_events', period, date_from, date_to, week_start) | indent(4) }}

    ),

    -- From the first event on, so that a window at the range's start is filled.
    counted_periods as (

        select
            least(reported_periods.first_period, coalesce(min(user_periods.period_start), reported_periods.first_period)) as first_period,
            reported_periods.last_period

        from reported_periods
        left join user_periods on user_periods.period_start < reported_periods.first_period
        group by reported_periods.first_period, reported_periods.last_period

    ),

    all_periods as (

        {{ period_series(period, 'counted_periods') | indent(4) }}

    ),

    trailing_users as (

        {{ active_users('user_periods', 'actor_slices', 'all_periods', windows, period, 'period_start') | indent(4) }}

    )

    select trailing_users.*
    from trailing_users
    cross join reported_periods
    where trailing_users.period_start >= reported_periods.first_period
{%- endmacro %}

{# Distinct users in a range of time, per slice as in active_users_of_events. #}
{% macro active_users_in_range(
    events, event=none, date_from=none, date_to=none, breakdown=none, where=none, user_where=none
) -%}
    with

    {{ sliced_events(events, event, breakdown, where, user_where) }}

    select
        segment,
        segment_value,
        count(distinct actor) as users

    from sliced_events
    where {{ in_time_range(date_from, date_to) }}
    group by segment, segment_value
{%- endmacro %}

{#
    CTE: matching events per slice. The actor is who counts once: the user, in a breakdown
    the user with a value.
#}
{% macro sliced_events(events, event, breakdown, where, user_where) -%}
    sliced_events as (

        select
            {{ ordering_key(['user_id', "'all'"]) if breakdown else 'user_id' }} as actor,
            'all' as segment,
            'all' as segment_value,
            event_time

        from {{ events }}
        where {{ event_filter(event, where, user_where) }}
        {%- if breakdown %}
        {%- set value = 'coalesce(' ~ property(breakdown) ~ ", '(not set)')" %}
        union all
        select
            {{ ordering_key(['user_id', "'of ' || " ~ value]) }} as actor,
            {{ text_literal(breakdown) }} as segment,
            {{ value }} as segment_value,
            event_time

        from {{ events }}
        where {{ event_filter(event, where, user_where) }}
        {%- endif %}

    )
{%- endmacro %}
