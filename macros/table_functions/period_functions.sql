{#
    Retention, active users, lifecycle and stickiness as table functions: what they count
    is counted by the macros that the marts call, once for each period that can be asked
    for; a branch that was not asked for is planned away. Inner functions have parameters
    named given_*, which no column of the macros is, and public ones call them.
#}

{# SQL of one query per period, of which the one that given_period names is run. #}
{% macro of_given_period(query, periods=['hour', 'day', 'week', 'month']) -%}
    {%- for period in periods %}
    {%- for week_start in ['monday', 'sunday'] if period == 'week' or week_start == 'monday' %}
    select * from (
        {{ context[query](period, week_start) | indent(8) }}
    ) as by_{{ period }}
    where
        {%- if period == periods[-1] %}
        -- Here, because a branch that is planned away checks nothing.
        case
            when
                is_one_of('period', given_period, ['{{ periods | join("', '") }}'])
                and is_one_of('week_start', given_week_start, ['monday', 'sunday'])
                then given_period = '{{ period }}'
        end
        {%- else %}
        given_period = '{{ period }}'{{ " and given_week_start = '" ~ week_start ~ "'" if period == 'week' }}
        {%- endif %}
    {{ 'union all' if not (loop.last and period == periods[-1]) }}
    {%- endfor %}
    {%- endfor %}
{%- endmacro %}

{#
    CTEs that these functions begin with: the arguments, checked; the range, without
    limits the data's; matching events with selectors' results; the slices of users.
    selectors: {column: argument}; an argument that is NULL means what counts as activity.
#}
{% macro asked_events(selectors, ends_at_range=false) -%}
    definition as (

        select
            {%- for column, argument in selectors.items() %}
            case
                when given_{{ argument }} is not null
                    then selector_of('{{ argument }}', given_{{ argument }}, [])
            end as {{ column }},
            {%- endfor %}
            conditions_of('event_where', given_event_where) as conditions,
            instant_of('date_from', given_date_from) as range_start_at,
            next_instant('date_to', given_date_to) as range_end_at,
            coalesce(given_segment, 'all') as segment_name

    ),

    asked_range as (

        select
            coalesce(definition.range_start_at, build_info.data_start) as first_at,
            case
                when isfinite(definition.range_end_at)
                    then definition.range_end_at - interval 1 microsecond
                else build_info.data_end
            end as last_at,
            least(
                definition.range_end_at, {{ day_start(add_days('build_info.as_of_date', 1)) }}
            ) as complete_until_at

        from definition
        cross join build_info

    ),

    asked_events as (

        select
            found.user_id,
            {%- for column in selectors %}
            case
                when definition.{{ column }} is null then found.is_activity
                else is_selected(found.event_name, found.properties, definition.{{ column }})
            end as {{ column }},
            {%- endfor %}
            found.event_time

        from query_table(given_source) as found
        cross join definition
        where
            conditions_hold(found.properties, definition.conditions)
            {%- if ends_at_range %}
            and found.event_time < definition.range_end_at
            {%- endif %}

    ),

    user_slices as (

        select
            asked_events.user_id,
            'all' as segment,
            'all' as segment_value

        from asked_events
        cross join definition
        where
            definition.segment_name = 'all'
            {%- if 'is_target' not in selectors %}
            and asked_events.is_active
            {%- endif %}
        group by asked_events.user_id
        union all
        select
            user_segment_values.user_id,
            user_segment_values.segment,
            user_segment_values.segment_value

        from user_segment_values
        inner join definition on user_segment_values.segment = definition.segment_name
        where definition.segment_name <> 'all'
        union all by name
        {{ unknown_segment('given_segment') | indent(8) }}

    )
{%- endmacro %}

{# CTEs of a branch: the range in periods, and who was active in which of them. #}
{% macro asked_periods(period, week_start) -%}
    period_bounds as (

        select
            {{ period_of(period, 'first_at', week_start) }} as first_period,
            {{ period_of(period, 'last_at', week_start) }} as last_period,
            {{ period_of(period, 'first_at', week_start) }} as reaches_back_to,
            {{ period_of('hour' if period == 'hour' else 'day', 'complete_until_at') }} as complete_until

        from asked_range

    ),

    active_periods as (

        select
            user_id,
            {{ period_of(period, 'event_time', week_start) }} as period_start

        from asked_events
        where is_active
        group by user_id, {{ period_of(period, 'event_time', week_start) }}

    )
{%- endmacro %}

{# CTEs of retention_of_events between its events and its cells. #}
{% macro asked_members(period, week_start) -%}
    members as (

        select entries.*
        from (
            select
                user_id,
                {{ period_of(period, 'min(event_time)', week_start) }} as cohort_start,
                min(event_time) as cohort_at

            from asked_events
            where is_target
            group by
                user_id,
                case when given_kind = 'recurring' then {{ period_of(period, 'event_time', week_start) }} end
        ) as entries
        inner join period_bounds
            on entries.cohort_start between period_bounds.first_period and period_bounds.last_period

    )
{%- endmacro %}

{% macro retention_by_period(period, week_start) -%}
    {%- set last_period -%}
        coalesce(given_last_period, {{ var('retention_periods').get(period, 48) }})
    {%- endset -%}
    with

    {{ asked_periods(period, week_start) }},

    {{ asked_members(period, week_start) }},

    elapsed_periods as (

        select
            members.user_id,
            members.cohort_start,
            {{ elapsed_periods('members.cohort_at', 'asked_events.event_time', period) }} as period_number

        from members
        inner join asked_events
            on members.user_id = asked_events.user_id
            and members.cohort_at <= asked_events.event_time
        where asked_events.is_active
        group by 1, 2, 3

    ),

    {{ retention_cells(
        period, 'members', 'active_periods', 'user_slices', 'period_bounds', last_period,
        'elapsed_periods', true
    ) }}
{%- endmacro %}

{% macro retention_users_by_period(period, week_start) -%}
    with

    {{ asked_periods(period, week_start) }},

    {{ asked_members(period, week_start) }},

    {{ retention_member_periods(period, 'members', 'active_periods') }}

    select
        members.user_id,
        user_slices.segment,
        user_slices.segment_value,
        coalesce(
            list(member_periods.period_number order by member_periods.period_number) filter (
                where member_periods.period_number is not null
            ),
            []
        ) as active_periods,
        members.cohort_start,
        members.cohort_at

    from members
    inner join user_slices on members.user_id = user_slices.user_id
    left join member_periods
        on members.user_id = member_periods.user_id
        and members.cohort_start = member_periods.cohort_start
    group by all
{%- endmacro %}

{% macro active_users_by_period(period, week_start) -%}
    {%- set length = {
        'hour': '24 * given_window_days', 'day': 'given_window_days',
    }.get(period, 'cast(null as integer)') -%}
    with

    {{ asked_periods(period, week_start) }},

    -- From the first active period on, so that a window at the range's start is filled.
    counted_periods as (

        select
            least(min(active_periods.period_start), min(period_bounds.first_period)) as first_period,
            max(period_bounds.last_period) as last_period

        from period_bounds
        left join active_periods on active_periods.period_start < period_bounds.first_period

    ),

    all_periods as (

        {{ period_series(period, 'counted_periods') | indent(4) }}

    ),

    trailing_counts as (

        {{ active_users(
            'active_periods', 'user_slices', 'all_periods', {'users': 'coalesce(' ~ length ~ ', 1)'}, period,
            'period_start'
        ) | indent(4) }}

    )

    select
        trailing_counts.segment,
        trailing_counts.segment_value,
        trailing_counts.users,
        {{ add_periods(period, 'trailing_counts.period_start', 1) }} <= period_bounds.complete_until as is_complete,
        trailing_counts.period_start >= {{ add_periods(
            period, period_of(period, 'build_info.data_start', week_start), 'coalesce(' ~ length ~ ', 1) - 1'
        ) }} as is_full_window,
        trailing_counts.period_start

    from trailing_counts
    cross join period_bounds
    cross join build_info
    where trailing_counts.period_start >= period_bounds.first_period
{%- endmacro %}

{% macro lifecycle_by_period(period, week_start) -%}
    with

    {{ asked_periods(period, week_start) }},

    states as (

        with

        {{ lifecycle_states(period, 'active_periods', 'user_slices', 'period_bounds') }}

    )

    select
        states.*,
        {{ add_periods(period, 'states.period_start', 1) }} <= period_bounds.complete_until as is_complete

    from states
    cross join period_bounds
{%- endmacro %}

{% macro retention_cells_of_function() -%}
    with

    {{ asked_events({'is_target': 'target', 'is_active': 'returning_event'}, true) }},

    checked as (

        select 1 as is_fine
        where
            is_one_of('kind', given_kind, ['first_time', 'recurring'])
            and case when given_last_period < 0 then error(format(
                'last_period: got {}, allowed are NULL and whole numbers from 0', given_last_period
            )) else true end

    ),

    cells as (

        {{ of_given_period('retention_by_period') }}

    )

    select cells.*
    from cells
    cross join checked
{%- endmacro %}

{% macro retention_function() -%}
    select
        cells.segment,
        cells.segment_value,
        cells.period_number,
        cells.cohort_users,
        cells.retained_users,
        cells.retained_on_or_after_users,
        cells.retained_through_users,
        cells.retained_elapsed_users,
        {{ safe_divide('cells.retained_users', 'cells.cohort_users') }} as retention_rate,
        {{ safe_divide('cells.retained_on_or_after_users', 'cells.cohort_users') }} as retention_on_or_after_rate,
        {{ wilson_interval('cells.retained_users', 'cells.cohort_users', 'low') }} as ci_low,
        {{ wilson_interval('cells.retained_users', 'cells.cohort_users', 'high') }} as ci_high,
        cells.is_complete,
        cells.is_elapsed_complete,
        cells.cohort_start

    from retention_cells_of(
        {{ passed(['target', 'returning_event', 'period', 'kind', 'last_period'] + range_arguments()) | indent(8) }}
    ) as cells
    order by cells.segment, cells.segment_value, cells.cohort_start, cells.period_number
{%- endmacro %}

{% macro retention_users_of_function() -%}
    with

    {{ asked_events({'is_target': 'target', 'is_active': 'returning_event'}, true) }},

    members_with_periods as (

        {{ of_given_period('retention_users_by_period') }}

    )

    select members_with_periods.*
    from members_with_periods
    where is_one_of('kind', given_kind, ['first_time', 'recurring'])
{%- endmacro %}

{% macro retention_users_function() -%}
    select members.*
    from retention_users_of(
        {{ passed(['target', 'returning_event', 'period', 'kind'] + range_arguments()) | indent(8) }}
    ) as members
    order by members.cohort_start, members.user_id
{%- endmacro %}

{% macro active_users_of_function() -%}
    with

    {{ asked_events({'is_active': 'event'}) }},

    trailing_users as (

        {{ of_given_period('active_users_by_period') }}

    )

    select trailing_users.*
    from trailing_users
    where
        case
            when given_window_days is null or (given_window_days >= 1 and given_period in ('hour', 'day'))
                then true
            else error(format(
                'window_days: got {} for the period {}, allowed are NULL and, for hour and day, whole numbers from 1',
                given_window_days,
                given_period
            ))
        end
{%- endmacro %}

{% macro active_users_function() -%}
    select counted.*
    from active_users_of(
        {{ passed(['window_days', 'event', 'period'] + range_arguments()) | indent(8) }}
    ) as counted
    order by counted.segment, counted.segment_value, counted.period_start
{%- endmacro %}

{% macro lifecycle_of_function() -%}
    with

    {{ asked_events({'is_active': 'event'}) }},

    states as (

        {{ of_given_period('lifecycle_by_period') }}

    )

    select states.*
    from states
{%- endmacro %}

{% macro lifecycle_function() -%}
    select
        states.segment,
        states.segment_value,
        states.new_users,
        states.returning_users,
        states.resurrected_users,
        states.dormant_users,
        states.active_users,
        {{ safe_divide('states.new_users + states.resurrected_users', 'states.dormant_users') }} as quick_ratio,
        states.is_complete,
        states.period_start

    from lifecycle_of(
        {{ passed(['event', 'period'] + range_arguments()) | indent(8) }}
    ) as states
    order by states.segment, states.segment_value, states.period_start
{%- endmacro %}

{% macro stickiness_of_function() -%}
    with

    {{ asked_events({'is_active': 'event'}) }},

    user_days as (

        select
            asked_events.user_id,
            {{ local_date('asked_events.event_time') }} as activity_date

        from asked_events
        where asked_events.is_active
        group by asked_events.user_id, {{ local_date('asked_events.event_time') }}

    ),

    as_of_dates as (

        select coalesce(cast(given_as_of_date as date), build_info.as_of_date) as as_of_date
        from build_info
        where case
            when given_window_days >= 1 then true
            else error(format(
                'window_days: got {}, allowed are whole numbers from 1',
                coalesce(cast(given_window_days as varchar), 'NULL')
            ))
        end

    ),

    counted as (

        {{ stickiness('user_days', 'user_slices', 'as_of_dates', ['given_window_days']) | indent(4) }}

    )

    select counted.*
    from counted
{%- endmacro %}

{% macro stickiness_function() -%}
    select
        counted.segment,
        counted.segment_value,
        counted.window_days,
        counted.active_days,
        counted.users_exact,
        cast(counted.users_at_least as bigint) as users_at_least,
        cast(counted.active_users as bigint) as active_users,
        {{ safe_divide('counted.users_exact', 'counted.active_users') }} as share_exact,
        {{ safe_divide('counted.users_at_least', 'counted.active_users') }} as share_at_least,
        counted.as_of_date

    from stickiness_of(
        given_window_days := window_days,
        given_as_of_date := as_of_date,
        given_event := event,
        given_segment := segment,
        given_event_where := event_where,
        given_source := source
    ) as counted
    order by counted.segment, counted.segment_value, counted.active_days
{%- endmacro %}

{# Arguments that all functions of periods take. #}
{% macro range_arguments() -%}
    {{- return(['segment', 'date_from', 'date_to', 'week_start', 'event_where', 'source']) -}}
{%- endmacro %}

{# `given_x := x` for each argument. #}
{% macro passed(arguments) -%}
    {%- for argument in arguments %}
    given_{{ argument }} := {{ argument }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
