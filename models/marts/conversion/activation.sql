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

activations as (

    {{ activations('users', 'events', definition) | indent(4) }}

),

final as (

    select
        users.user_id,
        activations.seconds_to_activate,
        activations.activated_at is not null as is_activated,
        {{ add_seconds('users.signed_up_at', definition.window_seconds) }} <= bounds.data_end as is_matured,
        users.signed_up_at,
        activations.activated_at

    from users
    cross join bounds
    left join activations on users.user_id = activations.user_id

)

select * from final
