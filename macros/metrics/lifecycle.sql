{#
    Users by lifecycle state, per period x segment x segment_value, without gaps.

    new: first active period ever; returning: active in this period and the one before;
    resurrected: active, not in the one before, not new; dormant: active in the one
    before, not in this one. So active[t] = active[t-1] + new + resurrected - dormant.

    user_days: relation with user_id, activity_date, over the whole history: a state
    computed on a part of it would call old users new.
    user_segments: relation with user_id, segment, segment_value.
    bounds: relation of one row with data_start_date, data_end_date.
#}
{% macro lifecycle(period, user_days, user_segments, bounds) -%}
    select
        spine.segment,
        spine.segment_value,
        coalesce(states.new_users, 0) as new_users,
        coalesce(states.returning_users, 0) as returning_users,
        coalesce(states.resurrected_users, 0) as resurrected_users,
        coalesce(
            lag(states.leaving_users) over (
                partition by spine.segment, spine.segment_value order by spine.period_start
            ),
            0
        ) as dormant_users,
        coalesce(states.active_users, 0) as active_users,
        spine.period_start

    from (
        select
            slices.segment,
            slices.segment_value,
            periods.period_start

        from (
            select {{ period_start(period, 'series.activity_date') }} as period_start
            from (
                select
                    {{ date_series('data_start_date', 'data_end_date') }} as activity_date
                from {{ bounds }}
            ) as series
            group by {{ period_start(period, 'series.activity_date') }}
        ) as periods
        cross join (
            select
                segment,
                segment_value

            from {{ user_segments }}
            group by segment, segment_value
        ) as slices
    ) as spine
    left join (
        select
            user_segments.segment,
            user_segments.segment_value,
            count(case when user_periods.previous_start is null then 1 end) as new_users,
            count(
                case
                    when {{ periods_between(period, 'user_periods.previous_start', 'user_periods.period_start') }} = 1
                        then 1
                end
            ) as returning_users,
            count(
                case
                    when {{ periods_between(period, 'user_periods.previous_start', 'user_periods.period_start') }} > 1
                        then 1
                end
            ) as resurrected_users,
            count(
                case
                    when
                        user_periods.next_start is null
                        or {{ periods_between(period, 'user_periods.period_start', 'user_periods.next_start') }} > 1
                        then 1
                end
            ) as leaving_users,
            count(*) as active_users,
            user_periods.period_start

        from (
            select
                user_id,
                period_start,
                lag(period_start) over (
                    partition by user_id order by period_start
                ) as previous_start,
                lead(period_start) over (
                    partition by user_id order by period_start
                ) as next_start

            from (
                select
                    user_id,
                    {{ period_start(period, 'activity_date') }} as period_start

                from {{ user_days }}
                group by user_id, {{ period_start(period, 'activity_date') }}
            ) as active_periods
        ) as user_periods
        inner join {{ user_segments }} as user_segments
            on user_periods.user_id = user_segments.user_id
        group by
            user_segments.segment, user_segments.segment_value, user_periods.period_start
    ) as states
        on spine.segment = states.segment
        and spine.segment_value = states.segment_value
        and spine.period_start = states.period_start
{%- endmacro %}
