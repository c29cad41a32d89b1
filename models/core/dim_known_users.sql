-- One row per identified user: when what became known. dim_users says what is true of a user
-- in hindsight; this says from when on it could have been said.

{{ config(meta={
    'made_with': ['segments', 'churn', 'activation', 'reporting_timezone'],
    'announces': {'changed_profiles': ['user_id']},
}) }}

{% set increments = is_increment() %}
{% set churn = churn_definition() %}
{% set activation = activation_definition() %}
{% set has_users = has_input('users') %}

with

users as (

    select * from {{ ref('stg_users') }}
    {%- if increments %}
    where {{ is_changed_user() }}
    {%- endif %}

),

events as (

    select
        event_id,
        known_user_id as user_id,
        event_name,
        properties,
        is_activity,
        known_at = event_time as is_known_at_once,
        event_time,
        known_at

    from {{ ref('fct_events') }}
    where known_user_id is not null
        {%- if increments %}
        and {{ is_changed_user('known_user_id') }}
        {%- endif %}

),

first_and_last as (

    select
        user_id,
        {%- for segment in churn.segments %}
        min_by(
            {{ property(segment) }},
            case
                when {{ property(segment) }} is not null
                    then {{ ordering_key(['known_at', 'event_time', 'event_id']) }}
            end
        ) as {{ adapter.quote('segment_' ~ segment) }},
        min(case when {{ property(segment) }} is not null then known_at end)
            as {{ adapter.quote('known_at_' ~ segment) }},
        {%- endfor %}
        min(case when is_known_at_once then event_time end) as first_event_at,
        min(case when is_known_at_once and is_activity then event_time end) as first_active_at,
        min(case when is_known_at_once and {{ is_leaving() }} then event_time end) as left_at

    from events
    group by user_id

),

known_users as (

    select
        first_and_last.*,
        users.valid_from,
        {%- if has_users %}
        coalesce(users.signed_up_at, first_and_last.first_event_at) as signed_up_at
        {%- else %}
        first_and_last.first_event_at as signed_up_at
        {%- endif %}

    from first_and_last
    left join users on first_and_last.user_id = users.user_id

),

-- Read apart: events, if named twice, would all be kept in memory first.
activation_events as (

    select
        event_id,
        known_user_id as user_id,
        event_time

    from {{ ref('fct_events') }}
    where known_at = event_time
        and {{ condition(activation) }}
        {%- if increments %}
        and {{ is_changed_user('known_user_id') }}
        {%- endif %}

),

activations as (

    {{ activations('known_users', 'activation_events', activation) | indent(4) }}

),

final as (

    select
        known_users.user_id,
        {%- for segment in churn.segments %}
        known_users.{{ adapter.quote('segment_' ~ segment) }},
        known_users.{{ adapter.quote('known_at_' ~ segment) }},
        {%- endfor %}
        activations.seconds_to_activate,
        {{ local_date('known_users.signed_up_at') }} as signed_up_date,
        {{ local_date('known_users.first_active_at') }} as first_active_date,
        known_users.signed_up_at,
        greatest(
            known_users.signed_up_at, coalesce(known_users.valid_from, known_users.signed_up_at)
        ) as known_at,
        activations.activated_at,
        known_users.left_at

    from known_users
    left join activations on known_users.user_id = activations.user_id

)

select * from final
