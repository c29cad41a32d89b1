-- One row per user whose first days and outcome days are over and who had not left by the
-- landmark, the end of the first days (var behavior_impact). What they are compared by is
-- what was known of them then.

{% set definition = behavior_impact_definition() %}
{% set last_day = definition.outcome_days[1] %}

with

users as (

    select
        *,
        {{ 'signed_up_date' if has_input('users') else 'first_active_date' }} as cohort_date
    from {{ ref('dim_known_users') }}

),

user_versions as (

    select * from {{ ref('dim_user_versions') }}

),

known_user_days as (

    select * from {{ ref('fct_known_user_days') }}

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
        users.*,
        {{ day_start(add_days('users.cohort_date', definition.exposure_days)) }} as landmark_at

    from users
    inner join bounds
        on users.cohort_date >= bounds.data_start_date
        and {{ add_days('users.cohort_date', last_day) }} <= bounds.as_of_date

),

first_days as (

    select
        followed.user_id,
        count(*) as active_days,
        max({{ days_between('followed.cohort_date', 'known_user_days.activity_date') }}) as last_active_day,
        sum(known_user_days.event_count) as event_count

    from followed
    inner join known_user_days
        on followed.user_id = known_user_days.user_id
        and known_user_days.activity_date
        between followed.cohort_date and {{ add_days('followed.cohort_date', definition.exposure_days - 1) }}
    group by followed.user_id

),

-- What somebody does after they have left is no return.
returned as (

    select followed.user_id
    from followed
    inner join user_days
        on followed.user_id = user_days.user_id
        and user_days.activity_date
        between {{ add_days('followed.cohort_date', definition.outcome_days[0]) }}
        and {{ add_days('followed.cohort_date', last_day) }}
        and (followed.left_at is null or followed.left_at > user_days.first_event_at)
    group by followed.user_id

),

at_landmark as (

    select
        followed.user_id,
        {{ json_of(segments_as_of('followed', 'user_versions', 'followed.landmark_at')) }} as segments,
        first_days.active_days,
        first_days.last_active_day,
        first_days.event_count,
        returned.user_id is not null
        and (
            followed.left_at is null
            or {{ local_date('followed.left_at') }} > {{ add_days('followed.cohort_date', last_day) }}
        ) as is_retained,
        followed.cohort_date

    from followed
    inner join first_days
        on followed.user_id = first_days.user_id
        and first_days.last_active_day >= {{ definition.landmark_day }}
    left join returned on followed.user_id = returned.user_id
    left join user_versions
        on followed.user_id = user_versions.user_id
        and {{ is_valid_at('user_versions', 'followed.landmark_at') }}
    where {{ is_at_risk('followed', 'followed.landmark_at') }}

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
        at_landmark.is_retained,
        -- A hash draws users at random, and the same ones in every build.
        row_number() over (
            order by md5(at_landmark.user_id), at_landmark.user_id
        ) <= {{ definition.most_users }} as is_sampled,
        at_landmark.cohort_date

    from at_landmark
    inner join cohorts on at_landmark.cohort_date = cohorts.cohort_date

)

select * from final
