-- One row per axis (tier, behaviour segment) x segment date and the one before it x segment
-- then x segment now: how many users moved so, those who stayed included.

{% set axes = ['engagement_tier', 'behavior_segment'] %}

with

segment_dates as (

    select * from {{ ref('segment_dates') }} where previous_as_of_date is not null

),

user_segments as (

    select
        user_id,
        engagement_tier,
        coalesce(behavior_segment, 'not active') as behavior_segment,
        as_of_date

    from {{ ref('user_segments') }}

),

-- Nobody who was seen is ever unseen, so every user of a date is among those of the next.
user_moves as (

    select
        segment_dates.previous_as_of_date as from_as_of_date,
        segment_dates.as_of_date as to_as_of_date,
        {%- for axis in axes %}
        coalesce(before.{{ axis }}, 'not yet seen') as from_{{ axis }},
        now.{{ axis }} as to_{{ axis }}{{ ',' if not loop.last }}
        {%- endfor %}

    from user_segments as now
    inner join segment_dates on now.as_of_date = segment_dates.as_of_date
    left join user_segments as before
        on now.user_id = before.user_id
        and segment_dates.previous_as_of_date = before.as_of_date

),

counted as (

    {% for axis in axes -%}
    select
        '{{ axis }}' as axis,
        from_{{ axis }} as from_segment,
        to_{{ axis }} as to_segment,
        count(*) as users,
        from_as_of_date,
        to_as_of_date

    from user_moves
    group by from_{{ axis }}, to_{{ axis }}, from_as_of_date, to_as_of_date
    {{- '\n\n    union all\n\n    ' if not loop.last }}
    {%- endfor %}

),

final as (

    select
        axis,
        from_segment,
        to_segment,
        cast(users as bigint) as users,
        {{ safe_divide('users', 'sum(users) over (partition by axis, from_as_of_date, from_segment)') }}
        as share_of_from,
        from_as_of_date,
        to_as_of_date

    from counted

)

select * from final
