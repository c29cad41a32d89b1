-- One row per event_name x period (week, month) x period_start x segment x segment_value in
-- which at least one user did the event.

{{ config(meta={
    'made_with': ['segments', 'reporting_timezone', 'week_start'],
    'periods': ['week', 'month'],
    'periods_ahead': 1,
    'is_over': 'is_next_complete',
}) }}

{% set increments = is_increment() %}
{% set periods = ['week', 'month'] %}
{% if increments %}
{% set first_remade_day = [remade_from('week'), remade_from('month')] | min %}
{% endif %}

with

events as (

    select * from {{ ref('fct_events') }}
    where is_activity
        {%- if increments %}
        and event_date >= {{ first_remade_day }}
        {%- endif %}

),

user_days as (

    select * from {{ ref('fct_user_days') }}
    {%- if increments %}
    where activity_date >= {{ first_remade_day }}
    {%- endif %}

),

user_segments as (

    select * from {{ ref('dim_user_segments') }}

),

bounds as (

    select * from {{ ref('data_bounds') }}

),

user_combinations as (

    {{ user_combinations('user_segments') }}

),

{%- for period in periods %}

active_by_{{ period }} as (

    select
        active_periods.user_id,
        user_combinations.combination_id,
        active_periods.period_start,
        coalesce(
            lead(active_periods.period_start) over (
                partition by active_periods.user_id order by active_periods.period_start
            ) = {{ add_periods(period, 'active_periods.period_start', 1) }},
            false
        ) as is_retained

    from (
        {{ user_periods('user_days', period_start(period, 'activity_date')) | indent(8) }}
    ) as active_periods
    inner join user_combinations on active_periods.user_id = user_combinations.user_id

),

uses_by_{{ period }} as (

    select
        user_id,
        event_name,
        {{ period_start(period, 'event_date') }} as period_start,
        count(*) as event_count,
        {{ distinct_days('event_date') }} as active_days,
        min(event_date) as first_used_date

    from events
    {%- if increments %}
    where event_date >= {{ remade_from(period) }}
    {%- endif %}
    group by user_id, event_name, {{ period_start(period, 'event_date') }}

),
{%- endfor %}

{% if increments -%}
remade_uses as (

    select
        user_id,
        event_name,
        min(event_date) as first_used_date

    from events
    group by user_id, event_name

),

first_uses as (

    select * from remade_uses
    where not exists (
        select 1 from {{ ref('fct_events') }} as earlier_events
        where earlier_events.user_id = remade_uses.user_id
            and earlier_events.event_name = remade_uses.event_name
            and earlier_events.event_date < {{ first_remade_day }}
            and earlier_events.is_activity
    )

),

ever_users_before as (

    select
        event_name,
        period,
        segment,
        segment_value,
        max(ever_users) as ever_users

    from {{ this }}
    where not ({{ is_remade_period() }})
    group by event_name, period, segment, segment_value

),
{%- else -%}
first_uses as (

    select
        user_id,
        event_name,
        min(first_used_date) as first_used_date

    from uses_by_month
    group by user_id, event_name

),
{%- endif %}

-- Counted by combination of segments, and sliced after.
uses_by_combination as (
{% for period in periods %}
    select
        uses.event_name,
        active.combination_id,
        '{{ period }}' as period,
        uses.period_start,
        count(*) as users,
        sum(uses.event_count) as events,
        count(case when uses.active_days > 1 then 1 end) as repeat_users,
        sum(uses.active_days) as active_days,
        count(case when active.is_retained then 1 end) as retained_users

    from uses_by_{{ period }} as uses
    inner join active_by_{{ period }} as active
        on uses.user_id = active.user_id
        and uses.period_start = active.period_start
    group by uses.event_name, active.combination_id, uses.period_start
    {{ 'union all' if not loop.last }}
{%- endfor %}
),

first_uses_by_combination as (
{% for period in periods %}
    select
        first_uses.event_name,
        user_combinations.combination_id,
        '{{ period }}' as period,
        {{ period_start(period, 'first_uses.first_used_date') }} as period_start,
        count(*) as first_time_users

    from first_uses
    inner join user_combinations on first_uses.user_id = user_combinations.user_id
    group by
        first_uses.event_name,
        user_combinations.combination_id,
        {{ period_start(period, 'first_uses.first_used_date') }}
    {{ 'union all' if not loop.last }}
{%- endfor %}
),

active_by_combination as (
{% for period in periods %}
    select
        combination_id,
        '{{ period }}' as period,
        period_start,
        count(*) as active_users,
        count(case when is_retained then 1 end) as retained_active_users

    from active_by_{{ period }}
    group by combination_id, period_start
    {{ 'union all' if not loop.last }}
{%- endfor %}
),

uses as (

    {{ sliced_counts(
        'uses_by_combination', 'user_segments', ['event_name', 'period', 'period_start'],
        ['users', 'events', 'repeat_users', 'active_days', 'retained_users']
    ) }}

),

first_timers as (

    {{ sliced_counts(
        'first_uses_by_combination', 'user_segments', ['event_name', 'period', 'period_start'],
        ['first_time_users']
    ) }}

),

active as (

    {{ sliced_counts(
        'active_by_combination', 'user_segments', ['period', 'period_start'],
        ['active_users', 'retained_active_users']
    ) }}

),

counted as (

    select
        uses.*,
        active.active_users,
        active.retained_active_users,
        coalesce(first_timers.first_time_users, 0) as first_time_users,
        {%- if increments %}
        coalesce(ever_users_before.ever_users, 0) as ever_users_before,
        {%- endif %}
        case uses.period
            {%- for period in periods %}
            when '{{ period }}' then {{ add_days(add_periods(period, 'uses.period_start', 1), -1) }}
            {%- endfor %}
        end as period_end,
        case uses.period
            {%- for period in periods %}
            when '{{ period }}' then {{ add_days(add_periods(period, 'uses.period_start', 2), -1) }}
            {%- endfor %}
        end as next_period_end

    from uses
    inner join active
        on uses.segment = active.segment
        and uses.segment_value = active.segment_value
        and uses.period = active.period
        and uses.period_start = active.period_start
    left join first_timers
        on uses.event_name = first_timers.event_name
        and uses.period = first_timers.period
        and uses.segment = first_timers.segment
        and uses.segment_value = first_timers.segment_value
        and uses.period_start = first_timers.period_start
    {%- if increments %}
    left join ever_users_before
        on uses.event_name = ever_users_before.event_name
        and uses.period = ever_users_before.period
        and uses.segment = ever_users_before.segment
        and uses.segment_value = ever_users_before.segment_value
    {%- endif %}

),

final as (

    select
        counted.event_name,
        counted.period,
        counted.segment,
        counted.segment_value,
        cast(counted.users as bigint) as users,
        cast(counted.events as bigint) as events,
        cast(counted.first_time_users as bigint) as first_time_users,
        cast(
            {{ 'counted.ever_users_before + ' if increments }}sum(counted.first_time_users) over (
                partition by
                    counted.event_name, counted.period, counted.segment, counted.segment_value
                order by counted.period_start
                rows between unbounded preceding and current row
            ) as bigint
        ) as ever_users,
        cast(counted.repeat_users as bigint) as repeat_users,
        cast(counted.active_users as bigint) as active_users,
        {{ safe_divide('counted.users', 'counted.active_users') }} as adoption_rate,
        {{ safe_divide('counted.repeat_users', 'counted.users') }} as repeat_rate,
        {{ safe_divide('counted.events', 'counted.users') }} as events_per_user,
        {{ safe_divide('counted.active_days', 'counted.users') }} as days_per_user,
        cast(counted.retained_users as bigint) as retained_users,
        {{ safe_divide('counted.retained_users', 'counted.users') }} as retained_with_rate,
        cast(counted.retained_active_users as bigint) as retained_active_users,
        {{ safe_divide(
            '(counted.retained_active_users - counted.retained_users)',
            '(counted.active_users - counted.users)'
        ) }} as retained_without_rate,
        counted.period_end <= bounds.as_of_date as is_complete,
        counted.next_period_end <= bounds.as_of_date as is_next_complete,
        counted.period_start

    from counted
    cross join bounds

)

select * from final
