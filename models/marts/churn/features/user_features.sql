-- One row per user x as_of_date on which the user had been active within the last 28 days
-- (var churn: active_days). The newest as_of_date is the one to score.

with

user_days as (

    select * from {{ ref('fct_user_days') }}

),

users as (

    select * from {{ ref('dim_users') }}

),

activation as (

    select * from {{ ref('activation') }}

),

user_event_usage as (

    select * from {{ ref('user_event_usage') }}

),

as_of_dates as (

    select * from {{ ref('as_of_dates') }}

),

features as (

    {{ user_features_as_of('user_days', 'users', 'activation', 'user_event_usage', 'as_of_dates') }}

),

final as (

    select
        user_id,
        segments,
        cast(tenure_days as bigint) as tenure_days,
        cast(recency_days as bigint) as recency_days,
        {%- for days in [7, 14, 28, 84] %}
        cast(active_days_{{ days }} as bigint) as active_days_{{ days }},
        {%- endfor %}
        {%- for days in [7, 14, 28, 84] %}
        cast(events_{{ days }} as bigint) as events_{{ days }},
        {%- endfor %}
        cast(sessions_28 as bigint) as sessions_28,
        cast(distinct_events_28 as bigint) as distinct_events_28,
        activity_trend,
        mean_gap_days,
        recency_over_mean_gap,
        weekend_share_28,
        events_per_active_day_28,
        cast(seconds_to_activate as double) as seconds_to_activate,
        is_activated,
        is_eligible,
        as_of_date,
        as_of_at,
        max_source_event_at

    from features

)

select * from final
