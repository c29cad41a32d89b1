-- Moves hold every user of the date before once on their from side, and every user of the
-- date once on their to side; only who was not yet seen comes from nowhere.

{% set axes = ['engagement_tier', 'behavior_segment'] %}

with

moves as (

    select * from {{ ref('segment_moves') }}

),

sizes as (

    {% for axis in axes -%}
    select
        '{{ axis }}' as axis,
        coalesce({{ axis }}, 'not active') as segment,
        count(*) as users,
        as_of_date

    from {{ ref('user_segments') }}
    group by coalesce({{ axis }}, 'not active'), as_of_date
    {{- '\n\n    union all\n\n    ' if not loop.last }}
    {%- endfor %}

),

sides as (

    select
        'from' as side,
        axis,
        from_segment as segment,
        sum(users) as moved_users,
        sum(share_of_from) as total_share,
        from_as_of_date as as_of_date

    from moves
    where from_segment <> 'not yet seen'
    group by axis, from_segment, from_as_of_date

    union all

    select
        'to' as side,
        axis,
        to_segment as segment,
        sum(users) as moved_users,
        1.0 as total_share,
        to_as_of_date as as_of_date

    from moves
    group by axis, to_segment, to_as_of_date

),

expected as (

    select
        'from' as side,
        sizes.*

    from sizes
    inner join {{ ref('segment_dates') }} as segment_dates
        on sizes.as_of_date = segment_dates.previous_as_of_date

    union all

    select
        'to' as side,
        sizes.*

    from sizes
    inner join {{ ref('segment_dates') }} as segment_dates
        on sizes.as_of_date = segment_dates.as_of_date
    where segment_dates.previous_as_of_date is not null

)

select
    expected.*,
    sides.moved_users,
    sides.total_share

from expected
full outer join sides
    on expected.side = sides.side
    and expected.axis = sides.axis
    and expected.segment = sides.segment
    and expected.as_of_date = sides.as_of_date
where expected.users is null
    or sides.moved_users is null
    or expected.users <> sides.moved_users
    or abs(sides.total_share - 1) > 1e-9
