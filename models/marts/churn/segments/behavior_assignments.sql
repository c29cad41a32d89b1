-- One row per user x segment date on which the user did any of the events that segments are
-- made of: the segment with the nearest center.
--
-- A user stands at the square roots of their shares, p being everyone's and a the var
-- smoothing_events: x = sqrt((n + a * p) / (N + a)). These have length 1, so the squared
-- distance to a center c is 1 + |c|^2 - 2 * sum(x * c). The events that a user did not do
-- are in the sum that is the same for all: no grid of users x events is needed.

{% set definition = behavior_segments_definition() %}
{% set prior = definition.smoothing_events ~ ' * population_share' %}

with

usage as (

    select * from {{ ref('user_event_usage') }}

),

segment_dates as (

    select * from {{ ref('segment_dates') }}

),

centers as (

    select * from {{ ref('segment_centers') }} where is_current

),

known_events as (

    select event_name, axis from centers where behavior_segment_id = 0

),

-- Events that share an axis have one center.
segment_axes as (

    select
        behavior_segment_id,
        axis,
        max(center) as center,
        sqrt({{ prior }}) as start_at

    from centers
    where behavior_segment_id > 0
    group by behavior_segment_id, axis, population_share

),

segments as (

    select
        behavior_segment_id,
        sum(center * center) as squared_length,
        sum(start_at * center) as start_product

    from segment_axes
    group by behavior_segment_id

),

user_axes as (

    select
        usage.user_id,
        usage.as_of_date,
        known_events.axis,
        cast(sum(usage.events_28) as bigint) as event_count

    from usage
    inner join segment_dates on usage.as_of_date = segment_dates.as_of_date
    inner join known_events on usage.event_name = known_events.event_name
    group by usage.user_id, usage.as_of_date, known_events.axis

),

users as (

    select
        user_id,
        as_of_date,
        cast(sum(event_count) as bigint) as event_count

    from user_axes
    group by user_id, as_of_date

),

products as (

    select
        user_axes.user_id,
        user_axes.as_of_date,
        segment_axes.behavior_segment_id,
        sum(
            (sqrt(user_axes.event_count + segment_axes.start_at * segment_axes.start_at) - segment_axes.start_at)
            * segment_axes.center
        ) as product

    from user_axes
    inner join segment_axes on user_axes.axis = segment_axes.axis
    group by user_axes.user_id, user_axes.as_of_date, segment_axes.behavior_segment_id

),

-- Rounded, so that the order in which the products were summed decides nothing.
distances as (

    select
        products.user_id,
        products.as_of_date,
        products.behavior_segment_id,
        round(
            1 + segments.squared_length - 2 * (segments.start_product + products.product)
            / sqrt(users.event_count + {{ definition.smoothing_events }}),
            9
        ) as squared_distance

    from products
    inner join segments on products.behavior_segment_id = segments.behavior_segment_id
    inner join users
        on products.user_id = users.user_id
        and products.as_of_date = users.as_of_date
    where users.event_count >= {{ definition.min_events }}

),

ranked as (

    select
        *,
        row_number() over (
            partition by user_id, as_of_date
            order by squared_distance, behavior_segment_id
        ) as nearness

    from distances

),

final as (

    select
        users.user_id,
        ranked.behavior_segment_id,
        users.event_count,
        users.event_count >= {{ definition.min_events }} as has_enough_events,
        users.as_of_date

    from users
    left join ranked
        on users.user_id = ranked.user_id
        and users.as_of_date = ranked.as_of_date
        and ranked.nearness = 1

)

select * from final
