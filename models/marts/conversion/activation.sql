-- One row per user who signed up: whether and when they were activated, as var activation
-- defines it (the n-th event of a kind within some days of sign-up).

{% set definition = activation_definition() %}

with

users as (

    select * from {{ ref('dim_users') }} where signed_up_at is not null

),

events as (

    select * from {{ ref('fct_events') }} where {{ condition(definition) }}

),

bounds as (

    select * from {{ ref('data_bounds') }}

),

events_in_window as (

    select
        users.user_id,
        events.event_time,
        row_number() over (
            partition by users.user_id order by events.event_time, events.event_id
        ) as occurrence

    from users
    inner join events
        on users.user_id = events.user_id
        and users.signed_up_at <= events.event_time
    where {{ seconds_between('users.signed_up_at', 'events.event_time') }} <= {{ definition.window_seconds }}

),

activations as (

    select
        user_id,
        event_time as activated_at

    from events_in_window
    where occurrence = {{ definition['count'] }}

),

final as (

    select
        users.user_id,
        cast(
            {{ seconds_between('users.signed_up_at', 'activations.activated_at') }} as double
        ) as seconds_to_activate,
        activations.activated_at is not null as is_activated,
        {{ add_seconds('users.signed_up_at', definition.window_seconds) }} <= bounds.data_end as is_matured,
        users.signed_up_at,
        activations.activated_at

    from users
    cross join bounds
    left join activations on users.user_id = activations.user_id

)

select * from final
