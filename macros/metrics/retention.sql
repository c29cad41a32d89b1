{#
    Retained users per cohort x segment x segment_value x period_number, dense: every
    cohort has every period that has begun, zeros included.

    period: day, week, month; calendar periods in the reporting timezone.
    cohorts: relation with user_id, cohort_date: one row per user, or, for recurring
    cohorts, one per user and date on which they join one.
    user_days: relation with user_id, activity_date.
    user_segments: relation with user_id, segment, segment_value, fixed at entry.
    bounds: relation of one row with data_start_date, data_end_date, as_of_date.
    last_period: the last period_number of the grid; activity beyond it still counts as
    retained on or after it.
    user_elapsed_days: relation with user_id, cohort_date, elapsed_days (whole periods of
    24 hours since the user's own start, on which the user was active); none: no column
    retained_elapsed_users.

    retained_users: active in period k. retained_on_or_after_users: in k or a later one.
    retained_through_users: in each period from 0 to k. retained_elapsed_users: in the
    k-th 24 hours (7 days, 30 days) since the user's own start. Period 0 is measured like
    any other. is_complete: period k has ended, and the data reaches back to it;
    is_elapsed_complete: so has the k-th elapsed one for whoever joined last.
#}
{% macro retention(
    period, cohorts, user_days, user_segments, bounds, last_period, week_start=none, user_elapsed_days=none
) -%}
    with

    {{ retention_of_days(period, cohorts, user_days, bounds, week_start) }},

    {% if user_elapsed_days -%}
    elapsed_periods as (

        select
            user_id,
            {{ period_start(period, 'cohort_date', week_start) }} as cohort_start,
            cast(floor(elapsed_days / {{ period_seconds(period) // 86400 }}) as integer) as period_number

        from {{ user_elapsed_days }}
        group by
            user_id,
            {{ period_start(period, 'cohort_date', week_start) }},
            cast(floor(elapsed_days / {{ period_seconds(period) // 86400 }}) as integer)

    ),

    {% endif -%}
    {{ retention_cells(
        period, 'members', 'active_periods', user_segments, 'period_bounds', last_period,
        'elapsed_periods' if user_elapsed_days else none
    ) }}
{%- endmacro %}

{# CTEs: whose cohort is which, in which periods they were active, and the data's bounds. #}
{% macro retention_of_days(period, cohorts, user_days, bounds, week_start) -%}
    members as (

        {{ user_periods(cohorts, period_start(period, 'cohort_date', week_start), 'cohort_start') | indent(4) }}

    ),

    active_periods as (

        {{ user_periods(user_days, period_start(period, 'activity_date', week_start)) | indent(4) }}

    ),

    period_bounds as (

        select
            {{ period_start(period, 'data_start_date', week_start) }} as first_period,
            {{ period_start(period, 'data_end_date', week_start) }} as last_period,
            data_start_date as reaches_back_to,
            {{ add_days('as_of_date', 1) }} as complete_until

        from {{ bounds }}

    )
{%- endmacro %}

{#
    Retention from events (user_id, event_id, event_name, properties, event_time).

    target, returning: a name, a selector {event, where}, or none for any event: what puts
    a user into a cohort, and what counts as coming back.
    kind: `first_time` (the cohort of the first target event ever, also before date_from)
    or `recurring` (the cohort of each period with a target event).
    period: hour, day, week, month. date_from, date_to: the range of cohorts and of what
    is looked at after them; the data is taken to be complete up to date_to. periods: the
    length of the range from date_from on, instead of date_to. Every period of the range
    has a cohort, if of no users.
    where, user_where: conditions on every event. brackets: list of [first, last] period
    numbers: one row per cohort and bracket instead of period, see retention_in_brackets.
#}
{% macro retention_of_events(
    events, target=none, returning=none, kind='first_time', period='day', week_start=none,
    date_from=none, date_to=none, periods=none, last_period=none, brackets=none, where=none,
    user_where=none, user_segments=none
) -%}
    {%- do require_one_of('kind', kind, ['first_time', 'recurring']) -%}
    {%- do require_one_of('period', period, ['hour', 'day', 'week', 'month']) -%}
    {%- if periods is not none and (periods is not integer or periods < 1 or date_from is none or date_to is not none) -%}
        {%- do exceptions.raise_compiler_error(
            'periods: got ' ~ periods ~ ', allowed are whole numbers from 1, with date_from and without date_to'
        ) -%}
    {%- endif -%}
    {%- set ends = in_time_range(none, date_to) -%}
    {%- if periods is not none -%}
        {%- set ends = 'event_time < ' ~ periods_end_at(period, date_from, periods, week_start) -%}
    {%- endif -%}
    with

    filtered_events as (

        select
            user_id,
            {{ event_filter(target) }} as is_target,
            {{ event_filter(returning) }} as is_returning,
            event_time

        from {{ events }}
        where
            {{ event_filter(none, where, user_where) }}
            and {{ ends }}

    ),

    reported_periods as (

        {{ period_range('filtered_events', period, date_from, date_to, week_start, periods) | indent(4) }}

    ),

    entries as (

        select
            user_id,
            {%- if kind == 'first_time' %}
            {{ period_of(period, 'min(event_time)', week_start) }} as cohort_start,
            {%- else %}
            {{ period_of(period, 'event_time', week_start) }} as cohort_start,
            {%- endif %}
            min(event_time) as cohort_at

        from filtered_events
        where is_target
        group by user_id
        {%- if kind == 'recurring' %}, {{ period_of(period, 'event_time', week_start) }}{% endif %}

    ),

    members as (

        select entries.*
        from entries
        cross join reported_periods
        where
            entries.cohort_start >= reported_periods.first_period
            and entries.cohort_start <= reported_periods.last_period

    ),

    active_periods as (

        {{ user_periods('filtered_events where is_returning', period_of(period, 'event_time', week_start)) | indent(4) }}

    ),

    {% if not brackets -%}
    elapsed_periods as (

        select
            members.user_id,
            members.cohort_start,
            {{ elapsed_periods('members.cohort_at', 'filtered_events.event_time', period) }} as period_number

        from members
        inner join filtered_events
            on members.user_id = filtered_events.user_id
            and members.cohort_at <= filtered_events.event_time
        where filtered_events.is_returning
        group by
            members.user_id,
            members.cohort_start,
            {{ elapsed_periods('members.cohort_at', 'filtered_events.event_time', period) }}

    ),

    {% endif -%}
    {% if not user_segments -%}
    matching_users as (

        {{ everyone('filtered_events') | indent(4) }}

    ),

    {% endif -%}
    period_bounds as (

        select
            first_period,
            last_period,
            {%- if date_from is not none %}
            {{ period_of(period, range_start(date_from), week_start) }} as reaches_back_to,
            {%- else %}
            first_period as reaches_back_to,
            {%- endif %}
            {%- if periods is not none %}
            {{ periods_end(period, date_from, periods, week_start) }} as complete_until
            {%- elif date_to is not none %}
            {{ period_of('hour' if period == 'hour' else 'day', range_end(date_to)) }} as complete_until
            {%- else %}
            (
                select {{ period_of('hour' if period == 'hour' else 'day', 'max(event_time)') }}
                from filtered_events
            ) as complete_until
            {%- endif %}

        from reported_periods

    ),

    {% if brackets -%}
    {{ retention_in_brackets(
        period, 'members', 'active_periods', user_segments or 'matching_users', 'period_bounds', brackets, true
    ) }}
    {%- else -%}
    {{ retention_cells(
        period, 'members', 'active_periods', user_segments or 'matching_users', 'period_bounds', last_period,
        'elapsed_periods', true
    ) }}
    {%- endif %}
{%- endmacro %}

{# Whole periods of 24 hours (an hour, 7 days, 30 days) between two instants. #}
{% macro elapsed_periods(start_at, end_at, period='day') -%}
    cast(floor({{ seconds_between(start_at, end_at) }} / {{ period_seconds(period) }}) as integer)
{%- endmacro %}

{#
    CTE: the periods since the cohort's own in which each member was active, one row per
    user x cohort x period_number.
#}
{% macro retention_member_periods(period, members, active_periods) -%}
    member_periods as (

        select
            members.user_id,
            members.cohort_start,
            {{ periods_between(period, 'members.cohort_start', 'active_periods.period_start') }} as period_number

        from {{ members }} as members
        inner join {{ active_periods }} as active_periods
            on members.user_id = active_periods.user_id
            and members.cohort_start <= active_periods.period_start

    )
{%- endmacro %}

{# CTE: users per cohort and slice; with all_cohorts, one of no users where nobody joined. #}
{% macro retention_cohort_sizes(period, members, user_segments, period_bounds, all_cohorts) -%}
    cohort_sizes as (

        select
            user_segments.segment,
            user_segments.segment_value,
            count(*) as cohort_users,
            members.cohort_start

        from {{ members }} as members
        inner join {{ user_segments }} as user_segments
            on members.user_id = user_segments.user_id
        cross join {{ period_bounds }} as period_bounds
        where members.cohort_start <= period_bounds.last_period
        group by user_segments.segment, user_segments.segment_value, members.cohort_start

    ),
    {%- if all_cohorts %}

    cohort_starts as (

        {{ period_series(period, period_bounds) | indent(4) }}

    ),

    slices as (

        select
            segment,
            segment_value

        from {{ user_segments }}
        group by segment, segment_value

    ),

    cohort_list as (

        select
            slices.segment,
            slices.segment_value,
            coalesce(cohort_sizes.cohort_users, 0) as cohort_users,
            cohort_starts.period_start as cohort_start

        from cohort_starts
        cross join slices
        left join cohort_sizes
            on slices.segment = cohort_sizes.segment
            and slices.segment_value = cohort_sizes.segment_value
            and cohort_starts.period_start = cohort_sizes.cohort_start

    )
    {%- else %}

    cohort_list as (

        select * from cohort_sizes

    )
    {%- endif %}
{%- endmacro %}

{# CTEs and query of retention, from user x cohort and user x active period. #}
{% macro retention_cells(
    period, members, active_periods, user_segments, period_bounds, last_period=none,
    elapsed=none, all_cohorts=false
) -%}
    {%- set elapsed_unit = period_seconds(period) -%}
    {{ retention_member_periods(period, members, active_periods) }},

    -- A user's last period is counted at the grid's edge where it lies beyond.
    marked_periods as (

        select
            user_id,
            cohort_start,
            {{ 'least(period_number, ' ~ last_period ~ ')' if last_period is not none else 'period_number' }} as period_number,
            {{ 'period_number <= ' ~ last_period if last_period is not none else 'true' }} as is_in_grid,
            period_number + 1 = row_number() over (
                partition by user_id, cohort_start order by period_number
            ) as is_unbroken,
            period_number = max(period_number) over (
                partition by user_id, cohort_start
            ) as is_last

        from member_periods

    ),

    retained as (

        select
            user_segments.segment,
            user_segments.segment_value,
            marked_periods.period_number,
            count(case when marked_periods.is_in_grid then 1 end) as retained_users,
            count(case when marked_periods.is_in_grid and marked_periods.is_unbroken then 1 end) as retained_through_users,
            count(case when marked_periods.is_last then 1 end) as last_seen_users,
            marked_periods.cohort_start

        from marked_periods
        inner join {{ user_segments }} as user_segments
            on marked_periods.user_id = user_segments.user_id
        group by
            user_segments.segment,
            user_segments.segment_value,
            marked_periods.period_number,
            marked_periods.cohort_start

    ),

    {% if elapsed -%}
    retained_elapsed as (

        select
            user_segments.segment,
            user_segments.segment_value,
            elapsed_periods.period_number,
            count(*) as retained_users,
            elapsed_periods.cohort_start

        from {{ elapsed }} as elapsed_periods
        inner join {{ user_segments }} as user_segments
            on elapsed_periods.user_id = user_segments.user_id
        group by
            user_segments.segment,
            user_segments.segment_value,
            elapsed_periods.period_number,
            elapsed_periods.cohort_start

    ),

    {% endif -%}
    {{ retention_cohort_sizes(period, members, user_segments, period_bounds, all_cohorts) }},

    numbered_cells as (

        select
            cohort_list.*,
            {%- set periods_begun = 'cast(' ~ periods_between(period, 'cohort_list.cohort_start', 'period_bounds.last_period') ~ ' as integer)' %}
            {{ number_series(
                0, 'least(' ~ last_period ~ ', ' ~ periods_begun ~ ')' if last_period is not none else periods_begun
            ) }} as period_number

        from cohort_list
        cross join {{ period_bounds }} as period_bounds

    ),

    cells as (

        select
            *,
            {{ add_periods(period, 'cohort_start', 'period_number') }} as period_start,
            {{ add_periods(period, 'cohort_start', 'period_number + 1') }} as next_period_start,
            {{ add_periods(period, 'cohort_start', 1) }} as next_cohort_start

        from numbered_cells

    )

    select
        cells.segment,
        cells.segment_value,
        cells.period_number,
        cells.cohort_users,
        coalesce(retained.retained_users, 0) as retained_users,
        coalesce(
            sum(retained.last_seen_users) over (
                partition by cells.segment, cells.segment_value, cells.cohort_start
                order by cells.period_number desc
                rows between unbounded preceding and current row
            ),
            0
        ) as retained_on_or_after_users,
        coalesce(retained.retained_through_users, 0) as retained_through_users,
        {%- if elapsed %}
        coalesce(retained_elapsed.retained_users, 0) as retained_elapsed_users,
        {%- endif %}
        cells.next_period_start <= period_bounds.complete_until
        and (
            cells.period_start >= period_bounds.reaches_back_to
            or cells.cohort_start = period_bounds.first_period
        ) as is_complete,
        {%- if elapsed %}
        {%- if period in ['minute', 'hour'] %}
        {{ add_periods(period, 'cells.next_cohort_start', 'cells.period_number + 1') }} <= period_bounds.complete_until
        {%- else %}
        {{ add_seconds(
            day_start('cells.next_cohort_start'), 'cast(' ~ elapsed_unit ~ ' * (cells.period_number + 1) as integer)'
        ) }} <= {{ day_start('period_bounds.complete_until') }}
        {%- endif %}
        and (
            cells.cohort_start >= period_bounds.reaches_back_to
            or cells.cohort_start = period_bounds.first_period
        ) as is_elapsed_complete,
        {%- endif %}
        cells.cohort_start

    from cells
    cross join {{ period_bounds }} as period_bounds
    left join retained
        on cells.segment = retained.segment
        and cells.segment_value = retained.segment_value
        and cells.period_number = retained.period_number
        and cells.cohort_start = retained.cohort_start
    {%- if elapsed %}
    left join retained_elapsed
        on cells.segment = retained_elapsed.segment
        and cells.segment_value = retained_elapsed.segment_value
        and cells.period_number = retained_elapsed.period_number
        and cells.cohort_start = retained_elapsed.cohort_start
    {%- endif %}
{%- endmacro %}
