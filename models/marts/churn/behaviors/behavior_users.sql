-- One row per user whose first days and outcome days are over and who passed the landmark
-- (var behavior_impact).

{% set definition = behavior_impact_definition() %}
{% set last_day = definition.outcome_days[1] %}
{% set day_of_life = days_between('followed.cohort_date', 'user_days.activity_date') %}

with

users as (

    select
        *,
        {{ cohort_date() }} as cohort_date
    from {{ ref('dim_users') }}
    where not is_anonymous

),

user_days as (

    select * from {{ ref('fct_user_days') }}

),

bounds as (

    select * from {{ ref('data_bounds') }}

),

-- Who came before the data begins did things that nobody counted.
followed as (

    select
        users.user_id,
        users.segments,
        users.cohort_date

    from users
    inner join bounds
        on users.cohort_date >= bounds.data_start_date
        and {{ add_days('users.cohort_date', last_day) }} <= bounds.as_of_date

),

first_days as (

    select
        followed.user_id,
        followed.segments,
        followed.cohort_date,
        count(case when {{ day_of_life }} < {{ definition.exposure_days }} then 1 end) as active_days,
        max(
            case when {{ day_of_life }} < {{ definition.exposure_days }} then {{ day_of_life }} end
        ) as last_active_day,
        sum(
            case
                when {{ day_of_life }} < {{ definition.exposure_days }} then user_days.event_count
            end
        ) as event_count,
        max(case when {{ day_of_life }} >= {{ definition.outcome_days[0] }} then 1 else 0 end) as is_retained

    from followed
    inner join user_days
        on followed.user_id = user_days.user_id
        and user_days.activity_date
        between followed.cohort_date and {{ add_days('followed.cohort_date', last_day) }}
    group by followed.user_id, followed.segments, followed.cohort_date

),

at_landmark as (

    select * from first_days where last_active_day >= {{ definition.landmark_day }}

),

cohorts as (

    select
        cohort_date,
        count(*) as users,
        sum(count(*)) over (order by cohort_date) as users_so_far,
        sum(count(*)) over () as all_users

    from at_landmark
    group by cohort_date

),

final as (

    select
        at_landmark.user_id,
        at_landmark.segments,
        case
            when cohorts.users_so_far - cohorts.users < {{ definition.discovery_share }} * cohorts.all_users
                then 'discovery'
            else 'confirmation'
        end as cohort,
        cast(at_landmark.active_days as bigint) as active_days,
        cast(at_landmark.last_active_day as bigint) as last_active_day,
        cast(at_landmark.event_count as bigint) as event_count,
        at_landmark.is_retained = 1 as is_retained,
        -- A hash draws users at random, and the same ones in every build.
        row_number() over (
            order by md5(at_landmark.user_id), at_landmark.user_id
        ) <= {{ definition.most_users }} as is_sampled,
        at_landmark.cohort_date

    from at_landmark
    inner join cohorts on at_landmark.cohort_date = cohorts.cohort_date

)

select * from final
