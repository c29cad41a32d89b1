-- Truncation: the features of a past as_of_date, made again from inputs in which nothing at
-- or after its end is left, are the same row for row. A feature that peeks is not.

{% set churn = churn_definition() %}

with

as_of_dates as (

    select * from {{ ref('as_of_dates') }}

),

numbered_dates as (

    select
        as_of_date,
        as_of_at,
        row_number() over (order by as_of_date) as date_number,
        count(*) over () as date_count

    from as_of_dates

),

-- The middle one: enough lies before it, and enough after it.
chosen_date as (

    select
        as_of_date,
        as_of_at

    from numbered_dates
    where date_number = ceil(date_count / 2.0)

),

user_days as (

    select user_days.*
    from {{ ref('fct_known_user_days') }} as user_days
    inner join chosen_date on user_days.activity_date <= chosen_date.as_of_date

),

event_days as (

    select event_days.*
    from {{ ref('fct_known_event_days') }} as event_days
    inner join chosen_date on event_days.activity_date <= chosen_date.as_of_date

),

users as (

    select
        users.user_id,
        {%- for segment in churn.segments %}
        {%- set known_at = 'users.' ~ adapter.quote('known_at_' ~ segment) %}
        {%- set value = 'users.' ~ adapter.quote('segment_' ~ segment) %}
        case when {{ known_at }} < chosen_date.as_of_at then {{ value }} end as {{ adapter.quote('segment_' ~ segment) }},
        case when {{ known_at }} < chosen_date.as_of_at then {{ known_at }} end as {{ adapter.quote('known_at_' ~ segment) }},
        {%- endfor %}
        case when users.activated_at < chosen_date.as_of_at then users.seconds_to_activate end as seconds_to_activate,
        users.signed_up_date,
        users.first_active_date,
        users.known_at,
        case when users.activated_at < chosen_date.as_of_at then users.activated_at end as activated_at,
        case when users.left_at < chosen_date.as_of_at then users.left_at end as left_at

    from {{ ref('dim_known_users') }} as users
    inner join chosen_date on users.known_at < chosen_date.as_of_at

),

user_versions as (

    select
        user_versions.user_id,
        user_versions.properties,
        user_versions.valid_from,
        case
            when user_versions.valid_until < chosen_date.as_of_at then user_versions.valid_until
        end as valid_until

    from {{ ref('dim_user_versions') }} as user_versions
    inner join chosen_date
        on user_versions.valid_from is null
        or user_versions.valid_from < chosen_date.as_of_at

),

usage as (

    {{ event_usage_as_of('event_days', 'users', 'chosen_date') | indent(4) }}

),

made_again as (

    {{ user_features_as_of('user_days', 'usage', 'users', 'user_versions', 'chosen_date') | indent(4) }}

),

features as (

    select features.*
    from {{ ref('user_features') }} as features
    inner join chosen_date on features.as_of_date = chosen_date.as_of_date

),

only_in_features as (

    select * from features
    except
    select * from made_again

),

only_without_what_came_later as (

    select * from made_again
    except
    select * from features

)

select
    'with what came later' as found_only,
    *

from only_in_features
union all
select
    'without it' as found_only,
    *

from only_without_what_came_later
