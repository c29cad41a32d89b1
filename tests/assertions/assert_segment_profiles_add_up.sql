-- The shares of a segment add up to 1, so do those of everyone, and the segments' users are
-- those of user_segments who have one or did enough to.

with

profiles as (

    select
        behavior_segment,
        max(users) as users,
        min(users) as least_users,
        sum(share) as total_share,
        sum(population_share) as total_population_share

    from {{ ref('segment_profiles') }}
    group by behavior_segment

),

sizes as (

    select
        user_segments.behavior_segment,
        count(*) as users

    from {{ ref('user_segments') }} as user_segments
    inner join {{ ref('segment_dates') }} as segment_dates
        on user_segments.as_of_date = segment_dates.as_of_date
    where segment_dates.is_newest
        and user_segments.behavior_segment <> 'too few events'
    group by user_segments.behavior_segment

)

select
    profiles.*,
    sizes.users as expected_users

from profiles
full outer join sizes on profiles.behavior_segment = sizes.behavior_segment
where profiles.users is null
    or sizes.users is null
    or profiles.users <> sizes.users
    or profiles.least_users <> sizes.users
    or abs(profiles.total_share - 1) > 1e-9
    or abs(profiles.total_population_share - 1) > 1e-9
