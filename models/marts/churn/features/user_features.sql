-- One row per user x as_of_date on which the user had been active within the last 28 days
-- (var churn: active_days). The newest as_of_date is the one to score.

{{ config(meta={
    'made_with': ['churn', 'segments', 'reporting_timezone'],
    'published_by': 'as_of_date',
    'published_order': 'user_id',
}) }}

{% set increments = is_increment() %}

with

users as (

    select * from {{ ref('dim_known_users') }}

),

user_versions as (

    select * from {{ ref('dim_user_versions') }}

),

as_of_dates as (

    select * from {{ ref('as_of_dates') }}
    {%- if increments %}
    where not {{ is_kept_date() }}
    {%- endif %}

),

user_days as (

    select * from {{ ref('fct_known_user_days') }}

),

user_event_usage as (

    select * from {{ ref('user_event_usage') }}
    {%- if increments %}
    where not {{ is_kept_date() }}
    {%- endif %}

),

{% if increments -%}
-- On the other dates only users of whom more than events has changed are looked at; found
-- first (materialized), as DuckDB would join the days of everyone before.
kept_dates as (

    select * from {{ ref('as_of_dates') }} where {{ is_kept_date() }}

),

user_days_of_changed as materialized (

    select * from {{ ref('fct_known_user_days') }} where {{ is_changed_profile() }}

),

usage_of_changed as materialized (

    select * from {{ ref('user_event_usage') }} where {{ is_changed_profile() }}

),

{% endif -%}
final as (

    {{ user_features_as_of(
        'user_days', 'user_event_usage', 'users', 'user_versions', 'as_of_dates'
    ) | indent(4) }}
    {%- if increments %}
    union all
    {{ user_features_as_of(
        'user_days_of_changed', 'usage_of_changed', 'users', 'user_versions', 'kept_dates'
    ) | indent(4) }}
    {%- endif %}

)

select * from final
