-- One row per user per event name per day of activity, of events that were known to be the
-- user's when they happened: fct_known_user_days by event.

{{ config(meta={'scope': 'changed_rows', 'row_day': 'activity_date'}) }}

{% set increments = is_increment() %}

with

events as (

    select * from {{ ref('fct_events') }}

),

final as (

    select
        known_user_id as user_id,
        event_name,
        cast(count(*) as bigint) as event_count,
        event_date as activity_date

    from events
    where is_activity
        and known_at = event_time
        {%- if increments %}
        and {{ is_changed_row('known_user_id', 'event_date', of_days=true) }}
        {%- endif %}
    group by known_user_id, event_name, event_date

)

select * from final
