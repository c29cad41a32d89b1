-- One row per user: of the users table, and everyone else that an event names.

{{ config(meta={
    'made_with': ['segments', 'reporting_timezone'],
    'announces_changed': {
        'changed_segments': {'key': 'user_id', 'changed': 'segments', 'column': 'first_active_at'},
    },
}) }}

{% set increments = is_increment() %}
{% set has_users = has_input('users') %}

with

users as (

    select * from {{ ref('stg_users') }}
    {%- if increments %}
    where {{ is_changed_user() }}
    {%- endif %}

),

events as (

    select * from {{ ref('fct_events') }}
    {%- if increments %}
    where {{ is_changed_user() }}
    {%- endif %}

),

event_users as (

    select
        user_id,
        count(*) as event_count,
        {%- for segment in var('segments') %}
        min_by(
            {{ property(segment) }},
            case
                when {{ property(segment) }} is not null
                    then {{ ordering_key(['event_time', 'event_id']) }}
            end
        ) as {{ adapter.quote('segment_' ~ segment) }},
        {%- endfor %}
        min(event_time) as first_event_at,
        min(case when is_activity then event_time end) as first_active_at,
        max(event_time) as last_event_at,
        max(case when is_activity then event_time end) as last_active_at,
        min(case when is_anonymous then 1 else 0 end) = 1 as is_anonymous

    from events
    group by user_id

),

combined as (

    select
        coalesce(users.user_id, event_users.user_id) as user_id,
        users.properties,
        {{ json_of(segment_expressions()) }} as segments,
        coalesce(event_users.event_count, 0) as event_count,
        coalesce(event_users.is_anonymous, false) as is_anonymous,
        {%- if has_users %}
        case
            when not coalesce(event_users.is_anonymous, false)
                then coalesce(users.signed_up_at, event_users.first_event_at)
        end as signed_up_at,
        {%- else %}
        event_users.first_event_at as signed_up_at,
        {%- endif %}
        event_users.first_event_at,
        event_users.first_active_at,
        event_users.last_event_at,
        event_users.last_active_at

    from users
    full outer join event_users on users.user_id = event_users.user_id

),

final as (

    select
        user_id,
        properties,
        segments,
        cast(event_count as bigint) as event_count,
        is_anonymous,
        {{ local_date('signed_up_at') }} as signed_up_date,
        signed_up_at,
        first_event_at,
        first_active_at,
        last_event_at,
        last_active_at

    from combined

)

select * from final
