-- funnel_steps is a group-by of the headline attempts: the users of each step, counted
-- again without segments, quantiles or joins.

with

headline_attempts as (

    select * from {{ ref('funnel_attempts') }} where is_headline

),

steps as (

    select * from {{ ref('funnel_steps') }} where segment = 'all'

),

counted as (

    select
        steps.funnel,
        steps.step_number,
        steps.users,
        steps.matured_users,
        count(
            case when {{ array_element('headline_attempts.step_times', 'cast(steps.step_number as integer)') }} is not null then 1 end
        ) as counted_users,
        count(
            case
                when
                    {{ array_element('headline_attempts.step_times', 'cast(steps.step_number as integer)') }} is not null
                    and headline_attempts.is_matured
                    then 1
            end
        ) as counted_matured_users

    from steps
    inner join headline_attempts on steps.funnel = headline_attempts.funnel
    group by steps.funnel, steps.step_number, steps.users, steps.matured_users

)

select *
from counted
where users <> counted_users
    or matured_users <> counted_matured_users
