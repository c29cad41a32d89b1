-- Activated users, counted the plain way: enough activating events within the window.

{% set definition = var('activation') %}

with

counted as (

    select
        users.user_id,
        count(
            case
                when
                    events.event_time >= users.signed_up_at
                    and {{ seconds_between('users.signed_up_at', 'events.event_time') }}
                    <= {{ definition.within_days * 86400 }}
                    then 1
            end
        ) as events_in_window

    from {{ ref('dim_users') }} as users
    left join {{ ref('fct_events') }} as events
        on users.user_id = events.user_id
        and events.event_name = '{{ definition.event }}'
    where users.signed_up_at is not null
    group by users.user_id

)

select
    counted.*,
    activation.is_activated

from counted
full outer join {{ ref('activation') }} as activation on counted.user_id = activation.user_id
where coalesce(counted.events_in_window >= {{ definition.get('count', 1) }}, false)
    <> coalesce(activation.is_activated, true)
