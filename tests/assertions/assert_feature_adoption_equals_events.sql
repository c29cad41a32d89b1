-- Adoption by the end of the first and the fifth week of life, counted the plain way.

with

lives as (

    select
        users.user_id,
        {{ cohort_date() }} as cohort_date,
        bounds.as_of_date

    from {{ ref('dim_users') }} as users
    cross join {{ ref('data_bounds') }} as bounds
    where {{ cohort_date() }} >= bounds.data_start_date

),

first_uses as (

    select
        user_id,
        event_name,
        min(event_date) as first_date

    from {{ ref('fct_events') }}
    where is_activity
    group by user_id, event_name

),

cells as (

    select *
    from {{ ref('feature_adoption') }}
    where segment = 'all' and life_week in (0, 4)

),

-- Users of one cohort who used an event first on one day are counted before they are
-- compared with cells.
cohorts as (

    select
        cohort_date,
        as_of_date,
        count(*) as users

    from lives
    group by cohort_date, as_of_date

),

adoptions as (

    select
        first_uses.event_name,
        first_uses.first_date,
        lives.cohort_date,
        lives.as_of_date,
        count(*) as users

    from first_uses
    inner join lives on first_uses.user_id = lives.user_id
    group by first_uses.event_name, first_uses.first_date, lives.cohort_date, lives.as_of_date

),

lived as (

    select
        cells.event_name,
        cells.life_week,
        sum(cohorts.users) as users

    from cells
    inner join cohorts
        on {{ days_between('cohorts.cohort_date', 'cohorts.as_of_date') }} >= 7 * cells.life_week + 6
    group by cells.event_name, cells.life_week

),

adopted as (

    select
        cells.event_name,
        cells.life_week,
        sum(adoptions.users) as users

    from cells
    inner join adoptions
        on cells.event_name = adoptions.event_name
        and {{ days_between('adoptions.cohort_date', 'adoptions.as_of_date') }} >= 7 * cells.life_week + 6
        and {{ days_between('adoptions.cohort_date', 'adoptions.first_date') }} < 7 * (cells.life_week + 1)
    group by cells.event_name, cells.life_week

)

select
    cells.*,
    lived.users as counted_users,
    adopted.users as counted_adopted_users

from cells
left join lived
    on cells.event_name = lived.event_name
    and cells.life_week = lived.life_week
left join adopted
    on cells.event_name = adopted.event_name
    and cells.life_week = adopted.life_week
where cells.users <> coalesce(lived.users, 0)
    or cells.adopted_users <> coalesce(adopted.users, 0)
