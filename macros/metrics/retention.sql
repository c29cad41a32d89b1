{#
    Retained users per cohort x segment x segment_value x period_number, dense: every
    cohort has every period that has begun, zeros included.

    period: day, week, month; calendar periods in the reporting timezone.
    cohorts: relation with user_id, cohort_date (one row per user).
    user_days: relation with user_id, activity_date.
    user_segments: relation with user_id, segment, segment_value.
    bounds: relation of one row with data_start_date, data_end_date, as_of_date.
    last_period: the last period_number of the grid; activity beyond it still counts as
    retained on or after it.

    retained_users: active in period k. retained_on_or_after_users: in k or a later one.
    Period 0 is measured like any other. is_complete: period k has ended, and the data
    reaches back to it.
#}
{% macro retention(period, cohorts, user_days, user_segments, bounds, last_period) -%}
    select
        cells.segment,
        cells.segment_value,
        cells.period_number,
        cells.cohort_users,
        coalesce(counts.retained_users, 0) as retained_users,
        coalesce(
            sum(counts.last_seen_users) over (
                partition by cells.segment, cells.segment_value, cells.cohort_start
                order by cells.period_number desc
                rows between unbounded preceding and current row
            ),
            0
        ) as retained_on_or_after_users,
        cells.period_end <= bounds.as_of_date
        and (
            cells.period_start >= bounds.data_start_date
            or cells.cohort_start = {{ period_start(period, 'bounds.data_start_date') }}
        ) as is_complete,
        cells.cohort_start

    from (
        select
            *,
            {{ add_periods(period, 'cohort_start', 'period_number') }} as period_start,
            {{ add_days(add_periods(period, 'cohort_start', 'period_number + 1'), -1) }} as period_end

        from (
            select
                sizes.*,
                {{ number_series(
                    0,
                    'least(' ~ last_period ~ ', '
                    ~ periods_between(period, 'sizes.cohort_start', 'sizes.last_period_start') ~ ')'
                ) }} as period_number

            from (
                select
                    user_segments.segment,
                    user_segments.segment_value,
                    count(*) as cohort_users,
                    {{ period_start(period, 'cohorts.cohort_date') }} as cohort_start,
                    {{ period_start(period, 'bounds.data_end_date') }} as last_period_start

                from {{ cohorts }} as cohorts
                inner join {{ user_segments }} as user_segments
                    on cohorts.user_id = user_segments.user_id
                cross join {{ bounds }} as bounds
                where cohorts.cohort_date <= bounds.data_end_date
                group by
                    user_segments.segment,
                    user_segments.segment_value,
                    {{ period_start(period, 'cohorts.cohort_date') }},
                    {{ period_start(period, 'bounds.data_end_date') }}
            ) as sizes
        ) as numbered
    ) as cells
    cross join {{ bounds }} as bounds
    left join (
        select
            user_segments.segment,
            user_segments.segment_value,
            user_periods.period_number,
            count(case when user_periods.is_active then 1 end) as retained_users,
            count(case when user_periods.is_last then 1 end) as last_seen_users,
            user_periods.cohort_start

        from (
            {#- A user's last period is counted at the grid's edge where it lies beyond. #}
            select
                user_id,
                cohort_start,
                least(period_number, {{ last_period }}) as period_number,
                period_number <= {{ last_period }} as is_active,
                period_number = max(period_number) over (partition by user_id) as is_last

            from (
                select
                    cohorts.user_id,
                    {{ period_start(period, 'cohorts.cohort_date') }} as cohort_start,
                    {{ periods_between(
                        period,
                        period_start(period, 'cohorts.cohort_date'),
                        period_start(period, 'user_days.activity_date')
                    ) }} as period_number

                from {{ cohorts }} as cohorts
                inner join {{ user_days }} as user_days
                    on cohorts.user_id = user_days.user_id
                where user_days.activity_date >= {{ period_start(period, 'cohorts.cohort_date') }}
                group by
                    cohorts.user_id,
                    {{ period_start(period, 'cohorts.cohort_date') }},
                    {{ periods_between(
                        period,
                        period_start(period, 'cohorts.cohort_date'),
                        period_start(period, 'user_days.activity_date')
                    ) }}
            ) as active_periods
        ) as user_periods
        inner join {{ user_segments }} as user_segments
            on user_periods.user_id = user_segments.user_id
        group by
            user_segments.segment,
            user_segments.segment_value,
            user_periods.period_number,
            user_periods.cohort_start
    ) as counts
        on cells.segment = counts.segment
        and cells.segment_value = counts.segment_value
        and cells.period_number = counts.period_number
        and cells.cohort_start = counts.cohort_start
{%- endmacro %}
