-- One row per user x as_of_date x event_name done in the 28 days up to the day.

{{ config(meta={'made_with': ['churn', 'reporting_timezone']}) }}

{% set increments = is_increment() %}

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

{% if increments -%}
remade_dates as (

    select * from as_of_dates where not {{ is_kept_date() }}

),

kept_dates as (

    select * from as_of_dates where {{ is_kept_date() }}

),

-- Of users of whom more than events has changed, on the other dates.
event_days_of_changed as (

    select * from event_days where {{ is_changed_profile() }}

),

{% endif -%}
usage as (

    {{ event_usage_as_of('event_days', 'users', 'remade_dates' if increments else 'as_of_dates') | indent(4) }}
    {%- if increments %}
    union all
    {{ event_usage_as_of('event_days_of_changed', 'users', 'kept_dates') | indent(4) }}
    {%- endif %}

),

totals as (

    select
        user_id,
        as_of_date,
        sum(events_28) as events_28

    from usage
    group by user_id, as_of_date

),

final as (

    select
        usage.user_id,
        usage.event_name,
        usage.events_28,
        usage.active_days_28,
        {{ safe_divide('usage.events_28', 'totals.events_28') }} as share_28,
        usage.as_of_date

    from usage
    inner join totals
        on usage.user_id = totals.user_id
        and usage.as_of_date = totals.as_of_date

)

select * from final
