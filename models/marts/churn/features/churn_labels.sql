-- One row per user x as_of_date of user_features: whether they came back within the
-- horizon, and when. Nothing after the last complete day is looked at.

{{ config(meta={
    'made_with': ['churn', 'reporting_timezone'],
    'looks_until': 'label_end_date',
    'published_by': 'as_of_date',
    'published_order': 'user_id',
}) }}

{% set increments = is_increment() %}

with

features as (

    select * from {{ ref('user_features') }}
    {%- if increments %}
    where not {{ is_kept_date() }}
        or {{ is_changed_profile() }}
    {%- endif %}

),

user_days as (

    select * from {{ ref('fct_user_days') }}

),

users as (

    select * from {{ ref('dim_known_users') }}

),

bounds as (

    select * from {{ ref('data_bounds') }}

),

as_of_dates as (

    select * from {{ ref('as_of_dates') }}

),

windows as (

    select
        features.user_id,
        as_of_dates.is_closed,
        as_of_dates.label_end_date,
        as_of_dates.as_of_date,
        least(as_of_dates.label_end_date, bounds.as_of_date) as observed_until_date

    from features
    inner join as_of_dates on features.as_of_date = as_of_dates.as_of_date
    cross join bounds

),

outcomes as (

    {{ returns_and_leaving('windows', 'user_days', 'users') | indent(4) }}

),

final as (

    select
        windows.user_id,
        cast({{ days_between('windows.as_of_date', 'outcomes.return_date') }} as bigint) as days_to_return,
        cast({{ days_between('windows.as_of_date', 'outcomes.leave_date') }} as bigint) as days_to_leave,
        cast({{ days_between('windows.as_of_date', 'windows.observed_until_date') }} as bigint) as days_observed,
        case
            when windows.is_closed then {{ has_churned('outcomes.return_date', 'outcomes.leave_date') }}
        end as is_churned,
        windows.is_closed,
        windows.as_of_date,
        windows.label_end_date

    from windows
    inner join outcomes
        on windows.user_id = outcomes.user_id
        and windows.as_of_date = outcomes.as_of_date

)

select * from final
