-- One row per day of which users' segments are kept: the newest as_of_date and others before
-- it, all of them at least var behavior_segments: every_days apart.

{% set churn = churn_definition() %}
{% set definition = behavior_segments_definition() %}
{% set step = (definition.every_days / churn.as_of_every_days) | round(0, 'ceil') | int %}

with

as_of_dates as (

    select * from {{ ref('as_of_dates') }}

),

far_enough as (

    select
        *,
        row_number() over (order by as_of_date desc) - 1 as step_back

    from (
        select
            *,
            max(as_of_date) over () as newest_date

        from as_of_dates
    ) as dated
    where is_newest
        or as_of_date <= {{ add_days('newest_date', -definition.every_days) }}

),

final as (

    select
        is_newest,
        is_closed,
        lag(as_of_date) over (order by as_of_date) as previous_as_of_date,
        as_of_date

    from far_enough
    where is_newest
        or ((step_back - 1) % {{ step }} = 0 and step_back <= {{ step * (definition.as_of_dates - 2) + 1 }})

)

select * from final
