-- One row per day on which users are looked at as they were then; the newest is the day to
-- report on. The first has a whole activity window of history before it.

{% set churn = churn_definition() %}

with

bounds as (

    select * from {{ ref('data_bounds') }}

),

steps_back as (

    select
        *,
        {{ number_series(0, churn.as_of_dates - 1) }} as step_back

    from bounds

),

dated as (

    select
        *,
        {{ add_days('as_of_date', '-' ~ churn.as_of_every_days ~ ' * cast(step_back as integer)') }} as snapshot_date

    from steps_back

),

final as (

    select
        step_back = 0 as is_newest,
        {{ add_days('snapshot_date', churn.horizon_days) }} <= as_of_date as is_closed,
        {{ add_days('snapshot_date', churn.horizon_days) }} as label_end_date,
        snapshot_date as as_of_date,
        {{ day_start(add_days('snapshot_date', 1)) }} as as_of_at

    from dated
    where step_back = 0
        or snapshot_date >= {{ add_days('data_start_date', churn.active_days - 1) }}

)

select * from final
where as_of_date is not null
