-- How does engagement differ by segment?
--
-- Per segment value on the last complete day: people, how often they come (stickiness), what
-- share of those who signed up was activated, and what share is still active four weeks
-- after sign-up.

with

build as (

    select * from {{ ref('build_info') }}

),

engagement as (

    select daily_active.*
    from {{ ref('daily_active') }} as daily_active
    inner join build on daily_active.activity_date = build.as_of_date

),

activation as (

    select
        user_segment_values.segment,
        user_segment_values.segment_value,
        count(*) as signed_up_users,
        count(case when activation.is_activated then 1 end) as activated_users

    from {{ ref('activation') }} as activation
    inner join {{ ref('user_segment_values') }} as user_segment_values
        on activation.user_id = user_segment_values.user_id
    where activation.is_matured
    group by user_segment_values.segment, user_segment_values.segment_value

),

retention as (

    select *
    from {{ ref('retention_curves') }}
    where period = 'week' and period_number = 4

),

final as (

    select
        engagement.segment,
        engagement.segment_value,
        engagement.dau,
        engagement.wau,
        engagement.mau,
        engagement.stickiness,
        activation.signed_up_users,
        {{ safe_divide('activation.activated_users', 'activation.signed_up_users') }} as activation_rate,
        retention.retention_rate as week_4_retention,
        retention.ci_low as week_4_retention_low,
        retention.ci_high as week_4_retention_high

    from engagement
    left join activation
        on engagement.segment = activation.segment
        and engagement.segment_value = activation.segment_value
    left join retention
        on engagement.segment = retention.segment
        and engagement.segment_value = retention.segment_value

)

select * from final
order by case when segment = 'all' then 0 else 1 end, segment, segment_value
