-- One row per event_name x segment x segment_value x life_week: of the users who have lived
-- through that week, how many had used the feature by its end.

{% set last_week = var('feature_adoption_weeks') %}

with

events as (

    select * from {{ ref('fct_events') }} where is_activity

),

users as (

    select * from {{ ref('dim_users') }}

),

user_segments as (

    select * from {{ ref('dim_user_segments') }}

),

bounds as (

    select * from {{ ref('data_bounds') }}

),

-- Users whose whole life lies in the data: of others the first use may be out of sight.
lives as (

    select
        users.user_id,
        {{ cohort_date() }} as cohort_date,
        cast(floor(({{ days_between(cohort_date(), 'bounds.as_of_date') }} + 1) / 7) as integer) - 1 as last_lived_week

    from users
    cross join bounds
    where
        {{ cohort_date() }} >= bounds.data_start_date
        and {{ add_days(cohort_date(), 6) }} <= bounds.as_of_date

),

first_uses as (

    select
        user_id,
        event_name,
        min(event_date) as first_used_date

    from events
    group by user_id, event_name

),

-- A use before the sign-up (a visitor's) is one of the first week.
adoptions as (

    select
        lives.user_id,
        first_uses.event_name,
        lives.last_lived_week,
        greatest(
            0,
            cast(floor({{ days_between('lives.cohort_date', 'first_uses.first_used_date') }} / 7) as integer)
        ) as adopted_week

    from lives
    inner join first_uses on lives.user_id = first_uses.user_id

),

features as (

    select event_name
    from first_uses
    group by event_name

),

weeks as (

    select {{ number_series(0, last_week) }} as life_week

),

user_combinations as (

    {{ user_combinations('user_segments') }}

),

-- Counted by the last week lived (and that of the first use) and by combination of
-- segments, so that only these counts are sliced and spread over the weeks between.
lives_by_combination as (

    select
        user_combinations.combination_id,
        lives.last_lived_week,
        count(*) as users

    from lives
    inner join user_combinations on lives.user_id = user_combinations.user_id
    group by user_combinations.combination_id, lives.last_lived_week

),

lives_by_end as (

    {{ sliced_counts('lives_by_combination', 'user_segments', ['last_lived_week'], ['users']) | indent(4) }}

),

adoptions_by_combination as (

    select
        adoptions.event_name,
        user_combinations.combination_id,
        adoptions.adopted_week,
        adoptions.last_lived_week,
        count(*) as adopted_users

    from adoptions
    inner join user_combinations on adoptions.user_id = user_combinations.user_id
    group by
        adoptions.event_name,
        user_combinations.combination_id,
        adoptions.adopted_week,
        adoptions.last_lived_week

),

adoptions_by_end as (

    {{ sliced_counts(
        'adoptions_by_combination', 'user_segments', ['event_name', 'adopted_week', 'last_lived_week'],
        ['adopted_users']
    ) | indent(4) }}

),

users_by_week as (

    select
        lives_by_end.segment,
        lives_by_end.segment_value,
        weeks.life_week,
        sum(lives_by_end.users) as users

    from lives_by_end
    inner join weeks on lives_by_end.last_lived_week >= weeks.life_week
    group by lives_by_end.segment, lives_by_end.segment_value, weeks.life_week

),

adopted_by_week as (

    select
        adoptions_by_end.event_name,
        adoptions_by_end.segment,
        adoptions_by_end.segment_value,
        weeks.life_week,
        sum(adoptions_by_end.adopted_users) as adopted_users

    from adoptions_by_end
    inner join weeks
        on adoptions_by_end.adopted_week <= weeks.life_week
        and adoptions_by_end.last_lived_week >= weeks.life_week
    group by
        adoptions_by_end.event_name,
        adoptions_by_end.segment,
        adoptions_by_end.segment_value,
        weeks.life_week

),

counted as (

    select
        features.event_name,
        users_by_week.segment,
        users_by_week.segment_value,
        users_by_week.life_week,
        users_by_week.users,
        coalesce(adopted_by_week.adopted_users, 0) as adopted_users

    from users_by_week
    cross join features
    left join adopted_by_week
        on features.event_name = adopted_by_week.event_name
        and users_by_week.segment = adopted_by_week.segment
        and users_by_week.segment_value = adopted_by_week.segment_value
        and users_by_week.life_week = adopted_by_week.life_week

),

final as (

    select
        event_name,
        segment,
        segment_value,
        cast(life_week as bigint) as life_week,
        cast(users as bigint) as users,
        cast(adopted_users as bigint) as adopted_users,
        {{ safe_divide('adopted_users', 'users') }} as adoption_rate,
        {{ wilson_interval('adopted_users', 'users', 'low') }} as ci_low,
        {{ wilson_interval('adopted_users', 'users', 'high') }} as ci_high

    from counted

)

select * from final
