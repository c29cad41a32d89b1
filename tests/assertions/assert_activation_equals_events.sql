-- Activated users, counted the plain way: enough activating events within the window.

{% set definition = activation_definition() %}

with

events as (

    select
        user_id,
        event_time

    from {{ ref('fct_events') }}
    where {{ condition(definition) }}

),

counted as (

    select
        users.user_id,
        count(
            case
                when
                    events.event_time >= users.signed_up_at
                    and {{ seconds_between('users.signed_up_at', 'events.event_time') }}
                    <= {{ definition.window_seconds }}
                    then 1
            end
        ) as events_in_window

    from {{ ref('dim_users') }} as users
    left join events on users.user_id = events.user_id
    where users.signed_up_at is not null
    group by users.user_id

)

select
    counted.*,
    activation.is_activated

from counted
full outer join {{ ref('activation') }} as activation on counted.user_id = activation.user_id
where coalesce(counted.events_in_window >= {{ definition['count'] }}, false)
    <> coalesce(activation.is_activated, true)
