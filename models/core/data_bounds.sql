-- One row: from when to when the data reaches, and the day to report on.

{{ config(materialized='table') }}

{% set has_end = loaded_until() != '' %}

with

events as (

    select * from {{ ref('fct_events') }}

),

bounds as (

    select
        min(event_time) as first_event_at,
        max(event_time) as last_event_at,
        {%- if has_end %}
        case when min(event_time) is not null then {{ loaded_until() }} end as loaded_until
        {%- else %}
        max(event_time) as loaded_until
        {%- endif %}

    from events

),

reporting as (

    select
        *,
        {%- if as_of_date() %}
        case when first_event_at is not null then {{ as_of_date() }} end as as_of_date
        {%- else %}
        {{ add_days(local_date('loaded_until'), -1) }} as as_of_date
        {%- endif %}

    from bounds

),

final as (

    select
        {{ local_date('first_event_at') }} as data_start_date,
        greatest({{ local_date('last_event_at') }}, as_of_date) as data_end_date,
        as_of_date,
        first_event_at as data_start,
        {%- if as_of_date() %}
        greatest(loaded_until, {{ day_start(add_days('as_of_date', 1)) }}) as data_end
        {%- else %}
        loaded_until as data_end
        {%- endif %}

    from reporting

)

select * from final
