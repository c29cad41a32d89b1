-- One row per user x as_of_date x event_name done in the 28 days up to the day.

{{ config(meta={
    'made_with': ['churn', 'reporting_timezone'],
    'published_by': 'as_of_date',
    'published_order': 'user_id, event_name',
}) }}

{% set increments = is_increment() %}

with

users as (

    select * from {{ ref('dim_known_users') }}

),

as_of_dates as (

    select * from {{ ref('as_of_dates') }}
    {%- if increments %}
    where not {{ is_kept_date() }}
    {%- endif %}

),

event_days as (

    select * from {{ ref('fct_known_event_days') }}

),

{% if increments -%}
-- On the other dates only users of whom more than events has changed are looked at; found
-- first (materialized), as DuckDB would join the days of everyone before.
kept_dates as (

    select * from {{ ref('as_of_dates') }} where {{ is_kept_date() }}

),

event_days_of_changed as materialized (

    select * from {{ ref('fct_known_event_days') }} where {{ is_changed_profile() }}

),

{% endif -%}
usage as (

    {{ event_usage_as_of('event_days', 'users', 'as_of_dates') | indent(4) }}
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
