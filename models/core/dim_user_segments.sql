-- One row per user per segment, `all` included: what every mart slices by. Joining it and
-- grouping by (segment, segment_value) gives the total and each slice in one pass.

{{ config(materialized='table') }}

with

users as (

    select * from {{ ref('dim_users') }}

),

sliced as (

    select
        user_id,
        'all' as segment,
        'all' as segment_value

    from users
    {%- for segment in var('segments') %}
    union all
    select
        user_id,
        '{{ segment }}' as segment,
        {{ property(segment, 'segments') }} as segment_value

    from users
    {%- endfor %}

),

counted as (

    select
        *,
        count(segment_value) over (partition by segment) as known_values

    from sliced

),

-- A segment that no user has says nothing and is left out; the build warns of it.
final as (

    select
        user_id,
        segment,
        coalesce(segment_value, '(not set)') as segment_value

    from counted
    where known_values > 0

)

select * from final
