-- One row per user per segment, `all` included: what every mart slices by. Joining it and
-- grouping by (segment, segment_value) gives the total and each slice in one pass; counting
-- by combination_id first, and then slicing the counts, gives the same from fewer rows.

{{ config(materialized='table') }}

{% set segments = var('segments') %}

with

users as (

    select * from {{ ref('dim_users') }}

),

valued as (

    select
        user_id
        {%- for segment in segments %},
        {{ property(segment, 'segments') }} as value_{{ loop.index }}
        {%- endfor %}

    from users

),

combined as (

    select
        *,
        {% if segments -%}
        dense_rank() over (
            order by
                {%- for segment in segments %}
                value_{{ loop.index }} nulls last{{ ',' if not loop.last }}
                {%- endfor %}
        ) as combination_id
        {%- else -%}
        1 as combination_id
        {%- endif %}

    from valued

),

sliced as (

    select
        user_id,
        combination_id,
        'all' as segment,
        'all' as segment_value

    from combined
    {%- for segment in segments %}
    union all
    select
        user_id,
        combination_id,
        '{{ segment }}' as segment,
        value_{{ loop.index }} as segment_value

    from combined
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
        cast(combination_id as integer) as combination_id,
        segment,
        coalesce(segment_value, '(not set)') as segment_value

    from counted
    where known_values > 0

)

select * from final
