{#
    Distinct active users in trailing windows, per date x segment x segment_value.

    windows: {output column: length in days, the date itself included}.
    user_days: relation with user_id, activity_date (one row per user and active day).
    user_segments: relation with user_id, segment, segment_value.
    dates: relation with activity_date, without gaps.

    There is no user x day spine: an active day opens an interval of the window's length
    that the user's next active day cuts short, so a user counts once while any interval
    covers the date. Users entered minus users left, summed up to the date, is exact.
#}
{% macro active_users(user_days, user_segments, dates, windows) -%}
    select
        spine.segment,
        spine.segment_value,
        {%- for column, days in windows.items() %}
        cast(
            sum(coalesce(changes.entered_{{ column }}, 0)) over (
                partition by spine.segment, spine.segment_value
                order by spine.activity_date
                rows between unbounded preceding and current row
            ) - coalesce(sum(coalesce(changes.last_{{ column }}, 0)) over (
                partition by spine.segment, spine.segment_value
                order by spine.activity_date
                rows between unbounded preceding and {{ days }} preceding
            ), 0) as bigint
        ) as {{ column }},
        {%- endfor %}
        spine.activity_date

    from (
        select
            slices.segment,
            slices.segment_value,
            dates.activity_date

        from {{ dates }} as dates
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
            intervals.activity_date,
            {%- for column, days in windows.items() %}
            count(
                case
                    when
                        intervals.previous_date is null
                        or {{ days_between('intervals.previous_date', 'intervals.activity_date') }} >= {{ days }}
                        then 1
                end
            ) as entered_{{ column }},
            count(
                case
                    when
                        intervals.next_date is null
                        or {{ days_between('intervals.activity_date', 'intervals.next_date') }} >= {{ days }}
                        then 1
                end
            ) as last_{{ column }}{{ ',' if not loop.last }}
            {%- endfor %}

        from (
            select
                user_id,
                activity_date,
                lag(activity_date) over (
                    partition by user_id order by activity_date
                ) as previous_date,
                lead(activity_date) over (
                    partition by user_id order by activity_date
                ) as next_date

            from {{ user_days }}
        ) as intervals
        inner join {{ user_segments }} as user_segments
            on intervals.user_id = user_segments.user_id
        group by
            user_segments.segment, user_segments.segment_value, intervals.activity_date
    ) as changes
        on spine.segment = changes.segment
        and spine.segment_value = changes.segment_value
        and spine.activity_date = changes.activity_date
{%- endmacro %}
