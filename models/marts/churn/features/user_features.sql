-- One row per user x as_of_date on which the user had been active within the last 28 days
-- (var churn: active_days). The newest as_of_date is the one to score.

with

user_days as (

    select * from {{ ref('fct_known_user_days') }}

),

user_event_usage as (

    select * from {{ ref('user_event_usage') }}

),

users as (

    select * from {{ ref('dim_known_users') }}

),

user_versions as (

    select * from {{ ref('dim_user_versions') }}

),

as_of_dates as (

    select * from {{ ref('as_of_dates') }}

),

final as (

    {{ user_features_as_of(
        'user_days', 'user_event_usage', 'users', 'user_versions', 'as_of_dates'
    ) | indent(4) }}

)

select * from final
