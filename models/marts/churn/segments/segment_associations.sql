-- One row per segment date x other way to group users: how far behaviour segments only say
-- again what the other says, as Cramér's V.

{% set fifths = {
    'recency fifth': 'recency_days',
    'frequency fifth': 'events_28',
    'breadth fifth': 'distinct_events_28',
} %}

with

user_segments as (

    select * from {{ ref('user_segments') }} where behavior_segment_id is not null

),

features as (

    select * from {{ ref('user_features') }}

),

dim_user_segments as (

    select * from {{ ref('dim_user_segments') }} where segment <> 'all'

),

-- Users who are alike are in one fifth, so there may be fewer than five.
ranked as (

    select
        user_segments.user_id,
        user_segments.behavior_segment_id,
        {%- for column in fifths.values() %}
        floor(
            5.0 * (rank() over (partition by user_segments.as_of_date order by features.{{ column }}) - 1)
            / count(*) over (partition by user_segments.as_of_date)
        ) as {{ column }}_fifth,
        {%- endfor %}
        user_segments.as_of_date

    from user_segments
    inner join features
        on user_segments.user_id = features.user_id
        and user_segments.as_of_date = features.as_of_date

),

grouped_users as (

    select
        behavior_segment_id,
        'engagement tier' as compared_with,
        engagement_tier as other_group,
        as_of_date

    from user_segments
    {%- for name, column in fifths.items() %}

    union all

    select
        behavior_segment_id,
        '{{ name }}' as compared_with,
        cast({{ column }}_fifth as string) as other_group,
        as_of_date

    from ranked
    {%- endfor %}

    union all

    select
        user_segments.behavior_segment_id,
        dim_user_segments.segment as compared_with,
        dim_user_segments.segment_value as other_group,
        user_segments.as_of_date

    from user_segments
    inner join dim_user_segments on user_segments.user_id = dim_user_segments.user_id

),

cells as (

    select
        as_of_date,
        compared_with,
        behavior_segment_id,
        other_group,
        count(*) as users

    from grouped_users
    group by as_of_date, compared_with, behavior_segment_id, other_group

),

with_margins as (

    select
        *,
        sum(users) over (partition by as_of_date, compared_with, behavior_segment_id) as segment_users,
        sum(users) over (partition by as_of_date, compared_with, other_group) as group_users

    from cells

),

tables as (

    select
        as_of_date,
        compared_with,
        cast(sum(users) as bigint) as users,
        count(distinct behavior_segment_id) as segments,
        count(distinct other_group) as other_groups,
        {{ exact_sum('cast(users as double) * users / (segment_users * group_users)') }} - 1
        as mean_square

    from with_margins
    group by as_of_date, compared_with

),

-- Bergsma (2013): what chance alone gives is taken off, else few users look like a pattern.
corrected as (

    select
        *,
        greatest(
            0.0, mean_square - {{ safe_divide('(segments - 1) * (other_groups - 1)', '(users - 1)') }}
        ) as corrected_square,
        least(
            segments - {{ safe_divide('(segments - 1) * (segments - 1)', '(users - 1)') }},
            other_groups - {{ safe_divide('(other_groups - 1) * (other_groups - 1)', '(users - 1)') }}
        ) - 1 as largest_square

    from tables

),

final as (

    select
        compared_with,
        users,
        cast(segments as bigint) as segments,
        cast(other_groups as bigint) as other_groups,
        case
            when segments > 1 and other_groups > 1 and largest_square > 0
                then least(1.0, round(sqrt(corrected_square / largest_square), 12))
        end as cramers_v,
        as_of_date

    from corrected

)

select * from final
