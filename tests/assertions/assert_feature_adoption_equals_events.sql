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

cells as (

    select *
    from {{ ref('feature_adoption') }}
    where segment = 'all' and life_week in (0, 4)

),

counted as (

    select
        cells.event_name,
        cells.life_week,
        count(distinct lives.user_id) as users,
        count(distinct events.user_id) as adopted_users

    from cells
    inner join lives
        on {{ days_between('lives.cohort_date', 'lives.as_of_date') }} >= 7 * cells.life_week + 6
    left join {{ ref('fct_events') }} as events
        on lives.user_id = events.user_id
        and cells.event_name = events.event_name
        and events.is_activity
        and {{ days_between('lives.cohort_date', 'events.event_date') }} < 7 * (cells.life_week + 1)
    group by cells.event_name, cells.life_week

)

select
    cells.*,
    counted.users as counted_users,
    counted.adopted_users as counted_adopted_users

from cells
inner join counted
    on cells.event_name = counted.event_name
    and cells.life_week = counted.life_week
where cells.users <> counted.users or cells.adopted_users <> counted.adopted_users
