{#
    When each user was activated: the count-th event that meets `definition` (of
    activation_definition) from the sign-up on, within the window, edges included. Only
    users who were have a row.

    users: user_id, signed_up_at (NULL: not signed up). events: event_id, user_id,
    event_time, those that meet the definition's condition.
#}
{% macro activations(users, events, definition) -%}
    select
        user_id,
        event_time as activated_at,
        cast({{ seconds_between('signed_up_at', 'event_time') }} as double) as seconds_to_activate

    from (
        select
            users.user_id,
            users.signed_up_at,
            events.event_time,
            row_number() over (
                partition by users.user_id order by events.event_time, events.event_id
            ) as occurrence

        from {{ users }} as users
        inner join {{ events }} as events
            on users.user_id = events.user_id
            and users.signed_up_at <= events.event_time
        where {{ seconds_between('users.signed_up_at', 'events.event_time') }} <= {{ definition.window_seconds }}
    ) as events_in_window
    where occurrence = {{ definition['count'] }}
{%- endmacro %}
