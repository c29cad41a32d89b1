-- A headline of metric_sensitivity, counted there by the macros, is the number that the
-- marts show; so what the other rows are compared with is what a reader has seen.

{% set definition = funnel_definitions()[0] %}
{% set last_step = required_steps(definition.steps) | last %}
{% set period = 'week' if 'week' in var('retention_periods') else var('retention_periods').keys() | first %}
{% set period_number = [4, var('retention_periods')[period]] | min %}
{% set funnel_name = 'funnel ' ~ definition.name %}

with

closed_months as (

    select
        matured_conversion,
        row_number() over (order by period_start desc) as months_ago

    from {{ ref('funnel_trends') }}
    where funnel = {{ text_literal(definition.name) }}
        and segment = 'all'
        and period = 'month'
        and step_number = {{ last_step }}
        and is_matured

),

complete_weeks as (

    select
        new_users,
        row_number() over (order by period_start desc) as weeks_ago

    from {{ ref('lifecycle') }}
    where segment = 'all' and period = 'week' and is_complete

),

as_of as (

    select daily_active.*
    from {{ ref('daily_active') }} as daily_active
    inner join {{ ref('data_bounds') }} as bounds on daily_active.activity_date = bounds.as_of_date
    where daily_active.segment = 'all'

),

shown as (

    select
        {{ text_literal(funnel_name ~ ': conversion') }} as metric,
        matured_conversion as value

    from {{ ref('funnel_steps') }}
    where funnel = {{ text_literal(definition.name) }} and segment = 'all' and step_number = {{ last_step }}
    union all
    select
        {{ text_literal(funnel_name ~ ': median seconds to convert') }} as metric,
        median_seconds_from_start as value

    from {{ ref('funnel_steps') }}
    where funnel = {{ text_literal(definition.name) }} and segment = 'all' and step_number = {{ last_step }}
    union all
    select
        {{ text_literal(funnel_name ~ ': conversion of the last closed month') }} as metric,
        matured_conversion as value

    from closed_months
    where months_ago = 1
    {%- for metric, number in [
        ('retention ' ~ period ~ ' ' ~ period_number, period_number),
        ('retention at the start (' ~ period ~ ' 0)', 0),
    ] %}
    union all
    select
        '{{ metric }}' as metric,
        retention_rate as value

    from {{ ref('retention_curves') }}
    where segment = 'all' and period = '{{ period }}' and period_number = {{ number }}
    {%- endfor %}
    {%- for metric, column in {'WAU': 'wau', 'MAU': 'mau', 'stickiness': 'stickiness'}.items() %}
    union all
    select
        '{{ metric }} on the as_of_date' as metric,
        cast({{ column }} as double) as value

    from as_of
    {%- endfor %}
    union all
    select
        'new users of the last complete week' as metric,
        cast(new_users as double) as value

    from complete_weeks
    where weeks_ago = 1

),

headlines as (

    select * from {{ ref('metric_sensitivity') }} where is_headline

)

select
    headlines.metric as headline_metric,
    headlines.value as headline,
    shown.metric as shown_metric,
    shown.value as shown

from headlines
full outer join shown on headlines.metric = shown.metric
where headlines.metric is null
    or (headlines.value is null) <> (shown.value is null)
    or abs(headlines.value - shown.value) > 1e-9 * greatest(1, abs(shown.value))
