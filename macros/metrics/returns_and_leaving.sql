{#
    When each user of `windows` came back, and when they left, after the as_of_date and by
    observed_until_date: user_id, as_of_date, return_date, leave_date, NULL where not. What
    somebody does after they have left is no return. One row per window of a known user.

    windows: user_id, as_of_date, observed_until_date. user_days: user_id, activity_date,
    first_event_at. users: user_id, left_at.
#}
{% macro returns_and_leaving(windows, user_days, users) -%}
    select
        windows.user_id,
        windows.as_of_date,
        min(
            case
                when users.left_at is null or users.left_at > user_days.first_event_at
                    then user_days.activity_date
            end
        ) as return_date,
        min(
            case
                when {{ local_date('users.left_at') }} <= windows.observed_until_date
                    then {{ local_date('users.left_at') }}
            end
        ) as leave_date

    from {{ windows }} as windows
    inner join {{ users }} as users on windows.user_id = users.user_id
    left join {{ user_days }} as user_days
        on windows.user_id = user_days.user_id
        and windows.as_of_date < user_days.activity_date
        and windows.observed_until_date >= user_days.activity_date
    group by windows.user_id, windows.as_of_date
{%- endmacro %}

{# Whether somebody is gone: not back within the horizon, or left in it, back or not. #}
{% macro has_churned(return_date, leave_date) -%}
    ({{ return_date }} is null or {{ leave_date }} is not null)
{%- endmacro %}
