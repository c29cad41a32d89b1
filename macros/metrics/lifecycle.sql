{#
    Users by lifecycle state, per period x segment x segment_value, without gaps.

    new: first active period ever; returning: active in this period and the one before;
    resurrected: active, not in the one before, not new; dormant: active in the one
    before, not in this one. So active[t] = active[t-1] + new + resurrected - dormant.

    user_days: relation with user_id, activity_date, over the whole history: a state
    computed on a part of it would call old users new.
    user_segments: relation with user_id, segment, segment_value.
    bounds: relation of one row with data_start_date, data_end_date.
#}
{% macro lifecycle(period, user_days, user_segments, bounds, week_start=none) -%}
    with

    active_periods as (

        {{ user_periods(user_days, period_start(period, 'activity_date', week_start)) | indent(4) }}

    ),

    reported_periods as (

        select
            {{ period_start(period, 'data_start_date', week_start) }} as first_period,
            {{ period_start(period, 'data_end_date', week_start) }} as last_period

        from {{ bounds }}

    ),

    {{ lifecycle_states(period, 'active_periods', user_segments, 'reported_periods') }}
{%- endmacro %}

{#
    The same from events (user_id, event_name, properties, event_time): for any event or
    one, by hour too, and for the periods of a range, while states still come from the
    whole history.
#}
{% macro lifecycle_of_events(
    events, event=none, period='day', week_start=none, date_from=none, date_to=none,
    where=none, user_where=none, user_segments=none
) -%}
    with

    matching_events as (

        select
            user_id,
            event_time

        from {{ events }}
        where {{ event_filter(event, where, user_where) }}

    ),

    {% if not user_segments -%}
    matching_users as (

        {{ everyone('matching_events') | indent(4) }}

    ),

    {% endif -%}
    active_periods as (

        {{ user_periods('matching_events', period_of(period, 'event_time', week_start)) | indent(4) }}

    ),

    reported_periods as (

        {{ period_range('matching_events', period, date_from, date_to, week_start) | indent(4) }}

    ),

    {{ lifecycle_states(period, 'active_periods', user_segments or 'matching_users', 'reported_periods') }}
{%- endmacro %}

{# CTEs and query of lifecycle, from user x active period. #}
{% macro lifecycle_states(period, user_periods, user_segments, reported_periods) -%}
    neighbouring_periods as (

        select
            *,
            lag(period_start) over (partition by user_id order by period_start) as previous_start,
            lead(period_start) over (partition by user_id order by period_start) as next_start

        from {{ user_periods }}

    ),

    user_states as (

        select
            user_id,
            case
                when previous_start is null then 'new'
                when {{ periods_between(period, 'previous_start', 'period_start') }} = 1 then 'returning'
                else 'resurrected'
            end as state,
            period_start

        from neighbouring_periods
        union all
        select
            user_id,
            'dormant' as state,
            {{ add_periods(period, 'period_start', 1) }} as period_start

        from neighbouring_periods
        where
            next_start is null
            or {{ periods_between(period, 'period_start', 'next_start') }} > 1

    ),

    state_counts as (

        select
            user_segments.segment,
            user_segments.segment_value,
            {%- for state in ['new', 'returning', 'resurrected', 'dormant'] %}
            count(case when user_states.state = '{{ state }}' then 1 end) as {{ state }}_users,
            {%- endfor %}
            count(case when user_states.state <> 'dormant' then 1 end) as active_users,
            user_states.period_start

        from user_states
        inner join {{ user_segments }} as user_segments
            on user_states.user_id = user_segments.user_id
        group by
            user_segments.segment, user_segments.segment_value, user_states.period_start

    ),

    slices as (

        select
            segment,
            segment_value

        from {{ user_segments }}
        group by segment, segment_value

    ),

    periods as (

        {{ period_series(period, reported_periods) | indent(4) }}

    )

    select
        slices.segment,
        slices.segment_value,
        {%- for column in ['new_users', 'returning_users', 'resurrected_users', 'dormant_users', 'active_users'] %}
        coalesce(state_counts.{{ column }}, 0) as {{ column }},
        {%- endfor %}
        periods.period_start

    from periods
    cross join slices
    left join state_counts
        on slices.segment = state_counts.segment
        and slices.segment_value = state_counts.segment_value
        and periods.period_start = state_counts.period_start
{%- endmacro %}
