-- One row per event_name x threshold: users who did the event at least so often in their
-- first days, beside those who did not, and whether they were active later. All of it is
-- counting; behavior_impact holds equal what else the two groups differ in.

{% set definition = behavior_impact_definition() %}

with

users as (

    select * from {{ ref('behavior_users') }}

),

exposures as (

    select * from {{ ref('behavior_exposures') }}

),

thresholds as (
{% for threshold in definition.thresholds %}
    select {{ threshold }} as threshold
    {{- '\n    union all' if not loop.last }}
{%- endfor %}

),

totals as (

    select
        count(*) as users,
        count(case when is_retained then 1 end) as retained_users,
        sum(active_days) as active_days,
        {%- for cohort in ['discovery', 'confirmation'] %}
        count(case when is_sampled and cohort = '{{ cohort }}' then 1 end) as {{ cohort }}_users,
        count(
            case when is_sampled and cohort = '{{ cohort }}' and is_retained then 1 end
        ) as {{ cohort }}_retained_users{{ ',' if not loop.last }}
        {%- endfor %}

    from users

),

events as (

    select
        event_name,
        is_activity,
        sum(active_days) as active_days

    from exposures
    group by event_name, is_activity

),

done as (

    select
        exposures.event_name,
        thresholds.threshold,
        count(*) as users_with,
        count(case when users.is_retained then 1 end) as retained_with,
        {%- for cohort in ['discovery', 'confirmation'] %}
        count(
            case when users.is_sampled and users.cohort = '{{ cohort }}' then 1 end
        ) as {{ cohort }}_users_with{{ ',' if not loop.last }}
        {%- endfor %}

    from exposures
    inner join users on exposures.user_id = users.user_id
    inner join thresholds on exposures.event_count >= thresholds.threshold
    group by exposures.event_name, thresholds.threshold

),

counted as (

    select
        events.event_name,
        thresholds.threshold,
        events.is_activity,
        totals.users,
        totals.retained_users,
        coalesce(done.users_with, 0) as users_with,
        coalesce(done.retained_with, 0) as retained_with,
        {{ safe_divide('events.active_days', 'totals.active_days') }} as active_day_share,
        least(
            {%- for cohort in ['discovery', 'confirmation'] %}
            coalesce(done.{{ cohort }}_users_with, 0),
            totals.{{ cohort }}_users - coalesce(done.{{ cohort }}_users_with, 0),
            totals.{{ cohort }}_retained_users,
            totals.{{ cohort }}_users - totals.{{ cohort }}_retained_users{{ ',' if not loop.last }}
            {%- endfor %}
        ) as smallest_group

    from events
    cross join thresholds
    cross join totals
    left join done
        on events.event_name = done.event_name
        and thresholds.threshold = done.threshold

),

final as (

    select
        event_name,
        case
            {%- if definition.get('left_out_events') %}
            when event_name in (
                {%- for event in definition.left_out_events %}
                {{ text_literal(event) }}{{ ',' if not loop.last }}
                {%- endfor %}
            )
                then 'named'
            {%- endif %}
            when not is_activity then 'passive'
            when active_day_share >= {{ definition.automatic_share }} then 'automatic'
            when users_with > {{ definition.reach[1] }} * users then 'universal'
            when users_with < {{ definition.reach[0] }} * users then 'rare'
            when smallest_group < {{ definition.least_users }} then 'few users'
        end as left_out_reason,
        cast(threshold as bigint) as threshold,
        cast(users as bigint) as users,
        cast(users_with as bigint) as users_with,
        cast(users - users_with as bigint) as users_without,
        cast(retained_with as bigint) as retained_with,
        cast(retained_users - retained_with as bigint) as retained_without,
        cast(smallest_group as bigint) as smallest_group,
        {{ safe_divide('users_with', 'users') }} as reach,
        {{ safe_divide('retained_with', 'users_with') }} as retained_with_rate,
        {{ safe_divide('(retained_users - retained_with)', '(users - users_with)') }} as retained_without_rate,
        {{ safe_divide('retained_with', 'users_with') }}
        - {{ safe_divide('(retained_users - retained_with)', '(users - users_with)') }} as risk_difference,
        {{ safe_divide('retained_with', 'users_with') }}
        / nullif({{ safe_divide('retained_users', 'users') }}, 0) as lift,
        {{ phi_coefficient('retained_with', 'users_with', 'retained_users', 'users') }} as phi,
        {{ safe_divide('retained_with', 'retained_users') }} as sensitivity,
        {{ safe_divide(
            '((users - users_with) - (retained_users - retained_with))', '(users - retained_users)'
        ) }} as specificity,
        active_day_share

    from counted

)

select * from final
