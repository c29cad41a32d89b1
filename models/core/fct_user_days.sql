-- One row per user per day on which the user was active, in the reporting timezone.

{{ config(meta={'scope': 'changed_rows', 'row_day': 'activity_date'}) }}

{% set increments = is_increment() %}

with

events as (

    select * from {{ ref('fct_events') }}
    {%- if increments %}
    where {{ is_changed_row('user_id', 'event_date', of_days=true) }}
    {%- endif %}

),

final as (

    select
        user_id,
        cast(count(*) as bigint) as event_count,
        cast(count(distinct session_id) as bigint) as session_count,
        cast(count(distinct event_name) as bigint) as distinct_event_count,
        event_date as activity_date,
        min(event_time) as first_event_at,
        max(event_time) as last_event_at

    from events
    where is_activity
    group by user_id, event_date

)

select * from final
