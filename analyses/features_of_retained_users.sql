-- Which features go with retained users?
--
-- For each feature, over the complete weeks: of those who used it in a week, the share that
-- was active in the next one, beside the share among active users who did not use it. The
-- difference is an association: heavy users do more of everything.

with

feature_weeks as (

    select *
    from {{ ref('feature_usage') }}
    where period = 'week'
        and segment = 'all'
        and is_next_complete

),

pooled as (

    select
        event_name,
        sum(users) as users,
        sum(active_users) as active_users,
        sum(retained_users) as retained_with,
        sum(active_users) - sum(users) as users_without,
        sum(retained_active_users) - sum(retained_users) as retained_without

    from feature_weeks
    group by event_name

),

final as (

    select
        event_name,
        users as user_weeks,
        {{ safe_divide('users', 'active_users') }} as adoption_rate,
        {{ safe_divide('retained_with', 'users') }} as retained_with_rate,
        {{ wilson_interval('retained_with', 'users', 'low') }} as ci_low,
        {{ wilson_interval('retained_with', 'users', 'high') }} as ci_high,
        {{ safe_divide('retained_without', 'users_without') }} as retained_without_rate,
        {{ safe_divide('retained_with', 'users') }}
        - {{ safe_divide('retained_without', 'users_without') }} as difference

    from pooled
    where users >= 50

)

select * from final
order by difference desc nulls last, event_name
