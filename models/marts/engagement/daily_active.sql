-- One row per activity_date x segment x segment_value, without gaps.

{{ config(meta={
    'made_with': ['segments', 'reporting_timezone'],
    'periods': ['day'],
    'period_column': 'activity_date',
    'is_over': 'is_complete',
    'is_dense': true,
    'counts_sessions': true,
}) }}

{% set increments = is_increment() %}
{% set first_date = 'data_start_date' %}
{% if increments %}
{% set remade = remade_from('day') %}
{% set looks_back_to = add_days(remade, -27) %}
{% set first_date = 'greatest(data_start_date, ' ~ looks_back_to ~ ')' %}
{% endif %}

with

user_days as (

    select * from {{ ref('fct_user_days') }}
    {%- if increments %}
    where activity_date >= {{ looks_back_to }}
    {%- endif %}

),

user_segments as (

    select * from {{ ref('dim_user_segments') }}

),

sessions as (

    select * from {{ ref('fct_sessions') }}
    {%- if increments %}
    where start_date >= {{ remade }}
    {%- endif %}

),

bounds as (

    select * from {{ ref('data_bounds') }}

),

daily_lifecycle as (

    select * from {{ ref('lifecycle') }} where period = 'day'

),

dates as (

    select {{ date_series(first_date, 'data_end_date') }} as activity_date
    from bounds

),

active as (

    {{ active_users('user_days', 'user_segments', 'dates', {'dau': 1, 'wau': 7, 'mau': 28}) }}

),

event_counts as (

    select
        user_segments.segment,
        user_segments.segment_value,
        user_days.activity_date,
        sum(user_days.event_count) as events

    from user_days
    inner join user_segments on user_days.user_id = user_segments.user_id
    group by user_segments.segment, user_segments.segment_value, user_days.activity_date

),

session_counts as (

    select
        user_segments.segment,
        user_segments.segment_value,
        sessions.start_date,
        count(*) as sessions

    from sessions
    inner join user_segments on sessions.user_id = user_segments.user_id
    where sessions.activity_count > 0
    group by user_segments.segment, user_segments.segment_value, sessions.start_date

),

final as (

    select
        active.segment,
        active.segment_value,
        active.dau,
        active.wau,
        active.mau,
        {{ dau_per_mau('active.dau', 'active.mau', 'active.segment, active.segment_value', 'active.activity_date') }} as stickiness,
        daily_lifecycle.new_users,
        daily_lifecycle.returning_users,
        daily_lifecycle.resurrected_users,
        daily_lifecycle.dormant_users,
        cast(coalesce(session_counts.sessions, 0) as bigint) as sessions,
        cast(coalesce(event_counts.events, 0) as bigint) as events,
        active.activity_date <= bounds.as_of_date as is_complete,
        active.activity_date >= {{ add_days('bounds.data_start_date', 6) }} as is_full_window_wau,
        active.activity_date >= {{ add_days('bounds.data_start_date', 27) }} as is_full_window_mau,
        active.activity_date

    from active
    cross join bounds
    inner join daily_lifecycle
        on active.segment = daily_lifecycle.segment
        and active.segment_value = daily_lifecycle.segment_value
        and active.activity_date = daily_lifecycle.period_start
    left join event_counts
        on active.segment = event_counts.segment
        and active.segment_value = event_counts.segment_value
        and active.activity_date = event_counts.activity_date
    left join session_counts
        on active.segment = session_counts.segment
        and active.segment_value = session_counts.segment_value
        and active.activity_date = session_counts.start_date

)

select * from final
{%- if increments %}
where {{ is_remade_period() }}
{%- endif %}
