-- One row per user x as_of_date x event_name done in the 28 days up to the day.

with

event_days as (

    select * from {{ ref('fct_known_event_days') }}

),

users as (

    select * from {{ ref('dim_known_users') }}

),

as_of_dates as (

    select * from {{ ref('as_of_dates') }}

),

usage as (

    {{ event_usage_as_of('event_days', 'users', 'as_of_dates') | indent(4) }}

),

final as (

    select
        user_id,
        event_name,
        events_28,
        active_days_28,
        {{ safe_divide('events_28', 'sum(events_28) over (partition by user_id, as_of_date)') }} as share_28,
        as_of_date

    from usage

)

select * from final
