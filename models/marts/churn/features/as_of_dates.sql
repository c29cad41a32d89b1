-- One row per day on which users are looked at as they were then: the newest is the day to
-- report on, the others lie on a calendar of their own (with 7 days: ends of weeks), so that
-- a day more of data leaves them as they are. The first has a whole activity window of
-- history before it.

{% set churn = churn_definition() %}
{% set every_days = churn.as_of_every_days %}
-- Days of the year 1 with which weeks begin.
{% set calendar_start = '0001-01-01' if first_weekday() == 'monday' else '0001-01-07' %}

with

bounds as (

    select * from {{ ref('data_bounds') }}

),

newest as (

    select
        *,
        ({{ days_between("cast('" ~ calendar_start ~ "' as date)", 'as_of_date') }} + 1) % {{ every_days }} as days_past

    from bounds

),

steps_back as (

    select
        *,
        {{ number_series(0, churn.as_of_dates - 1) }} as step_back

    from newest

),

dated as (

    select
        *,
        case
            when step_back = 0 then as_of_date
            when days_past = 0 then {{ add_days('as_of_date', '-' ~ every_days ~ ' * cast(step_back as integer)') }}
            else {{ add_days('as_of_date', '-(cast(days_past as integer) + ' ~ every_days ~ ' * (cast(step_back as integer) - 1))') }}
        end as snapshot_date

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
