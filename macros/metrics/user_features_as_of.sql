{#
    What was known of each active user at the end of each as_of_date. One macro for
    training and scoring, so that they cannot differ. It reads only days up to the
    as_of_date and only what was known by its end; a window of n days is the as_of_date and
    the n - 1 days before it. No row for who has not signed up by then, or has left.

    user_days: user_id, activity_date, event_count, started_session_count,
    last_event_at. usage: user_id, as_of_date, events_28.
    users: user_id, known_at, signed_up_date, first_active_date, activated_at,
    seconds_to_activate, left_at, and a value and a known_at per segment.
    user_versions: user_id, properties, valid_from, valid_until.
    as_of_dates: as_of_date, as_of_at.
#}
{% macro user_features_as_of(user_days, usage, users, user_versions, as_of_dates) -%}
    {%- set churn = churn_definition() -%}
    {%- set spans = [7, 14, 28, 84] -%}
    {%- set days_ago = days_between('user_days.activity_date', 'as_of_dates.as_of_date') -%}
    {%- set recency = days_between('windows.last_activity_date', 'windows.as_of_date') -%}
    {%- set tenure = days_between(
        'least(users.first_active_date, users.signed_up_date)', 'windows.as_of_date'
    ) -%}
    select
        windows.user_id,
        {{ json_of(segments_as_of('users', 'user_versions', 'windows.as_of_at')) }} as segments,
        cast({{ tenure }} as bigint) as tenure_days,
        cast({{ recency }} as bigint) as recency_days,
        {%- for days in spans %}
        windows.active_days_{{ days }},
        {%- endfor %}
        {%- for days in spans %}
        windows.events_{{ days }},
        {%- endfor %}
        windows.sessions_28,
        coalesce(breadth.distinct_events_28, 0) as distinct_events_28,
        breadth.top_event_share_28,
        {#- One is added to each side, so that a newcomer's first days have a trend too. #}
        cast(windows.active_days_14 + 1 as double)
        / (windows.active_days_28 - windows.active_days_14 + 1) as activity_trend,
        cast(4 * (windows.active_days_7 + 1) as double) / (windows.active_days_28 + 4) as activity_trend_7_28,
        cast(3 * (windows.active_days_28 + 1) as double) / (windows.active_days_84 + 3) as activity_trend_28_84,
        {{ safe_divide('windows.active_days_84', 'least(84, ' ~ tenure ~ ' + 1)') }} as active_day_rate_84,
        windows.mean_gap_days,
        {{ safe_divide(recency, 'windows.mean_gap_days') }} as recency_over_mean_gap,
        {{ safe_divide('windows.weekend_days_28', 'windows.active_days_28') }} as weekend_share_28,
        {{ safe_divide('windows.events_28', 'windows.active_days_28') }} as events_per_active_day_28,
        case
            when users.activated_at < windows.as_of_at then users.seconds_to_activate
        end as seconds_to_activate,
        coalesce(users.activated_at < windows.as_of_at, false) as is_activated,
        {{ tenure }} >= {{ churn.min_tenure_days }} as is_eligible,
        windows.as_of_date,
        windows.as_of_at,
        windows.max_source_event_at

    from (
        select
            user_days.user_id,
            as_of_dates.as_of_date,
            as_of_dates.as_of_at,
            max(user_days.activity_date) as last_activity_date,
            {%- for days in spans %}
            count(case when {{ days_ago }} < {{ days }} then 1 end) as active_days_{{ days }},
            cast(
                coalesce(sum(case when {{ days_ago }} < {{ days }} then user_days.event_count end), 0) as bigint
            ) as events_{{ days }},
            {%- endfor %}
            cast(
                coalesce(sum(case when {{ days_ago }} < 28 then user_days.started_session_count end), 0) as bigint
            ) as sessions_28,
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
    inner join {{ users }} as users
        on windows.user_id = users.user_id
        and {{ is_at_risk('users', 'windows.as_of_at') }}
    left join {{ user_versions }} as user_versions
        on windows.user_id = user_versions.user_id
        and {{ is_valid_at('user_versions', 'windows.as_of_at') }}
    left join (
        select
            user_id,
            as_of_date,
            count(*) as distinct_events_28,
            {{ safe_divide('max(events_28)', 'sum(events_28)') }} as top_event_share_28

        from {{ usage }}
        group by user_id, as_of_date
    ) as breadth
        on windows.user_id = breadth.user_id
        and windows.as_of_date = breadth.as_of_date
    where {{ recency }} < {{ churn.active_days }}
{%- endmacro %}

{#
    What each user did, by event, in the 28 days up to each as_of_date, of users at risk.

    event_days: user_id, event_name, activity_date, event_count. users, as_of_dates: as of
    user_features_as_of.
#}
{% macro event_usage_as_of(event_days, users, as_of_dates) -%}
    select
        event_days.user_id,
        event_days.event_name,
        cast(sum(event_days.event_count) as bigint) as events_28,
        count(*) as active_days_28,
        as_of_dates.as_of_date

    from {{ event_days }} as event_days
    inner join {{ as_of_dates }} as as_of_dates
        on event_days.activity_date <= as_of_dates.as_of_date
        and event_days.activity_date > {{ add_days('as_of_dates.as_of_date', -28) }}
    inner join {{ users }} as users
        on event_days.user_id = users.user_id
        and {{ is_at_risk('users', 'as_of_dates.as_of_at') }}
    group by event_days.user_id, event_days.event_name, as_of_dates.as_of_date
{%- endmacro %}

{# Whether a user can leave after an instant: known before it, and has not left before it. #}
{% macro is_at_risk(users, at) -%}
    {{ users }}.known_at < {{ at }}
    and ({{ users }}.left_at is null or {{ users }}.left_at >= {{ at }})
{%- endmacro %}

{# Whether a row of dim_user_versions was valid at an instant. #}
{% macro is_valid_at(user_versions, at) -%}
    ({{ user_versions }}.valid_from is null or {{ user_versions }}.valid_from < {{ at }})
    and ({{ user_versions }}.valid_until is null or {{ user_versions }}.valid_until >= {{ at }})
{%- endmacro %}

{#
    {segment: SQL of its value} as known at an instant: as the row of the users table says
    that was valid then, else the first that an event had carried by then.
#}
{% macro segments_as_of(users, user_versions, at) -%}
    {%- set expressions = {} -%}
    {%- for segment in churn_definition().segments -%}
        {%- set carried_at = users ~ '.' ~ adapter.quote('known_at_' ~ segment) -%}
        {%- set carried = users ~ '.' ~ adapter.quote('segment_' ~ segment) -%}
        {%- do expressions.update({
            segment: 'coalesce(' ~ property(segment, user_versions ~ '.properties') ~ ', case when '
            ~ carried_at ~ ' < ' ~ at ~ ' then ' ~ carried ~ ' end)'
        }) -%}
    {%- endfor -%}
    {{- return(expressions) -}}
{%- endmacro %}
