-- One row per funnel x entry period (day, week, month) x segment x segment_value x step, over
-- each user's headline attempt: the sums over entry periods are funnel_steps.

{% set periods = ['day', 'week', 'month'] %}

with

attempts as (

    select
        attempts.*,
        user_segments.segment,
        user_segments.segment_value

    from {{ ref('funnel_attempts') }} as attempts
    inner join {{ ref('dim_user_segments') }} as user_segments
        on attempts.user_id = user_segments.user_id
    where attempts.is_headline

),

attempts_by_period as (
{% for period in periods %}
    select
        *,
        '{{ period }}' as period,
        {{ period_start(period, 'entry_date') }} as period_start

    from attempts
    {{ 'union all' if not loop.last }}
{%- endfor %}
),

steps as (

    {{ funnel_step_names(funnel_definitions()) }}

),

counted as (

    {{ funnel_step_counts(
        'attempts_by_period',
        'steps',
        ['funnel', 'period', 'period_start', 'segment', 'segment_value'],
        ['funnel']
    ) }}

),

final as (

    select
        funnel,
        period,
        segment,
        segment_value,
        cast(step_number as bigint) as step_number,
        step_name,
        cast(users as bigint) as users,
        cast(dropped_users as bigint) as dropped_users,
        cast(pending_users as bigint) as pending_users,
        cast(matured_entrants as bigint) as matured_entrants,
        cast(matured_users as bigint) as matured_users,
        {{ safe_divide('matured_users', 'matured_entrants') }} as matured_conversion,
        {{ wilson_interval('matured_users', 'matured_entrants', 'low') }} as ci_low,
        {{ wilson_interval('matured_users', 'matured_entrants', 'high') }} as ci_high,
        matured_entrants = entered_users as is_matured,
        period_start

    from counted

)

select * from final
