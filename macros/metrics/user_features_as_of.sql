{#
    What was known of each active user at the end of each as_of_date. One macro for
    training and scoring, so that they cannot differ. It reads only days up to the
    as_of_date; a window of n days is the as_of_date and the n - 1 days before it.

    user_days: user_id, activity_date, event_count, session_count, last_event_at.
    users: user_id, segments, is_anonymous, signed_up_date, first_active_at.
    activation: user_id, activated_at, seconds_to_activate.
    usage: user_id, as_of_date, event_name.
    as_of_dates: as_of_date, as_of_at.
#}
{% macro user_features_as_of(user_days, users, activation, usage, as_of_dates) -%}
    {%- set churn = churn_definition() -%}
    {%- set days_ago = days_between('user_days.activity_date', 'as_of_dates.as_of_date') -%}
    select
        windows.user_id,
        users.segments,
        {{ days_between(
            'least(' ~ local_date('users.first_active_at') ~ ', coalesce(users.signed_up_date, '
            ~ local_date('users.first_active_at') ~ '))',
            'windows.as_of_date'
        ) }} as tenure_days,
        {{ days_between('windows.last_activity_date', 'windows.as_of_date') }} as recency_days,
        {%- for days in [7, 14, 28, 84] %}
        windows.active_days_{{ days }},
        windows.events_{{ days }},
        {%- endfor %}
        windows.sessions_28,
        coalesce(breadth.distinct_events_28, 0) as distinct_events_28,
        cast(windows.active_days_14 + 1 as double)
        / (windows.active_days_28 - windows.active_days_14 + 1) as activity_trend,
        windows.mean_gap_days,
        {{ safe_divide(
            days_between('windows.last_activity_date', 'windows.as_of_date'), 'windows.mean_gap_days'
        ) }} as recency_over_mean_gap,
        {{ safe_divide('windows.weekend_days_28', 'windows.active_days_28') }} as weekend_share_28,
        {{ safe_divide('windows.events_28', 'windows.active_days_28') }} as events_per_active_day_28,
        case
            when activation.activated_at < windows.as_of_at then activation.seconds_to_activate
        end as seconds_to_activate,
        coalesce(activation.activated_at < windows.as_of_at, false) as is_activated,
        {{ days_between(
            'least(' ~ local_date('users.first_active_at') ~ ', coalesce(users.signed_up_date, '
            ~ local_date('users.first_active_at') ~ '))',
            'windows.as_of_date'
        ) }} >= {{ churn.min_tenure_days }} as is_eligible,
        windows.as_of_date,
        windows.as_of_at,
        windows.max_source_event_at

    from (
        select
            user_days.user_id,
            as_of_dates.as_of_date,
            as_of_dates.as_of_at,
            max(user_days.activity_date) as last_activity_date,
            {%- for days in [7, 14, 28, 84] %}
            count(case when {{ days_ago }} < {{ days }} then 1 end) as active_days_{{ days }},
            coalesce(sum(case when {{ days_ago }} < {{ days }} then user_days.event_count end), 0) as events_{{ days }},
            {%- endfor %}
            coalesce(sum(case when {{ days_ago }} < 28 then user_days.session_count end), 0) as sessions_28,
            count(
                case
                    when
                        {{ days_ago }} < 28
                        and {{ is_weekend('user_days.activity_date') }}
                        then 1
                end
            ) as weekend_days_28,
            {{ safe_divide(
                days_between('min(user_days.activity_date)', 'max(user_days.activity_date)'), '(count(*) - 1)'
            ) }} as mean_gap_days,
            max(user_days.last_event_at) as max_source_event_at

        from {{ user_days }} as user_days
        inner join {{ as_of_dates }} as as_of_dates
            on user_days.activity_date <= as_of_dates.as_of_date
            and user_days.activity_date > {{ add_days('as_of_dates.as_of_date', -84) }}
        group by user_days.user_id, as_of_dates.as_of_date, as_of_dates.as_of_at
    ) as windows
    inner join {{ users }} as users on windows.user_id = users.user_id
    left join {{ activation }} as activation on windows.user_id = activation.user_id
    left join (
        select
            user_id,
            as_of_date,
            count(*) as distinct_events_28

        from {{ usage }}
        group by user_id, as_of_date
    ) as breadth
        on windows.user_id = breadth.user_id
        and windows.as_of_date = breadth.as_of_date
    where not users.is_anonymous
        and {{ days_between('windows.last_activity_date', 'windows.as_of_date') }} < {{ churn.active_days }}
{%- endmacro %}
