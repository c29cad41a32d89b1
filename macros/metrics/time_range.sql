{#
    A range of time as a filter on event_time, both ends included. date_from, date_to: a
    day (all of it) or a time, in the reporting timezone, as text; none: no limit.
#}
{% macro in_time_range(date_from=none, date_to=none, column='event_time') -%}
    {%- set parts = [] -%}
    {%- if date_from is not none -%}
        {%- do parts.append(column ~ ' >= ' ~ range_start(date_from)) -%}
    {%- endif -%}
    {%- if date_to is not none -%}
        {%- do parts.append(column ~ (' < ' if is_day(date_to) else ' <= ') ~ range_end(date_to)) -%}
    {%- endif -%}
    {{- return(parts | join(' and ') if parts else 'true') -}}
{%- endmacro %}

{# The UTC instant at which a range begins. #}
{% macro range_start(date_from) -%}
    {{- return(local_instant('date_from', date_from)) -}}
{%- endmacro %}

{# The UTC instant at which a range ends: of a day the first one after it. #}
{% macro range_end(date_to) -%}
    {%- if is_day(date_to) -%}
        {{- return(day_start(add_days("cast('" ~ date_to ~ "' as date)", 1))) -}}
    {%- endif -%}
    {{- return(local_instant('date_to', date_to)) -}}
{%- endmacro %}

{% macro local_instant(argument, given) -%}
    {%- set text = given | string | replace('T', ' ') -%}
    {%- if not modules.re.fullmatch('[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?)?', text) -%}
        {%- do exceptions.raise_compiler_error(
            argument ~ ": got '" ~ given ~ "', allowed are: none, YYYY-MM-DD or YYYY-MM-DD HH:MM:SS"
        ) -%}
    {%- endif -%}
    {%- set literal = "cast('" ~ text ~ "' as timestamp)" -%}
    {{- return(literal if var('reporting_timezone') == 'UTC' else utc_time(literal)) -}}
{%- endmacro %}

{#
    One row with the first and last period of a range, as starts of periods; where a limit
    is not given, of the events'. No event and no limit: NULL, and a series of none.
    periods: the length of the range from date_from on, instead of date_to.
#}
{% macro period_range(events, period, date_from=none, date_to=none, week_start=none, periods=none) -%}
    {%- set last_moment = 'last_event_at' -%}
    {%- if date_to is not none -%}
        {%- set last_moment = add_seconds(range_end(date_to), -1) if is_day(date_to) else range_end(date_to) -%}
    {%- endif -%}
    select
        {{ period_of(period, range_start(date_from) if date_from is not none else 'first_event_at', week_start) }} as first_period,
        {%- if periods is not none %}
        {{ add_periods(period, period_of(period, range_start(date_from), week_start), periods - 1) }} as last_period
        {%- else %}
        {{ period_of(period, last_moment, week_start) }} as last_period
        {%- endif %}

    from (
        select
            min(event_time) as first_event_at,
            max(event_time) as last_event_at

        from {{ events }}
    ) as extent
{%- endmacro %}

{#
    The start of the period after a range that is so many periods long, and the UTC instant
    at which that is.
#}
{% macro periods_end(period, date_from, periods, week_start=none) -%}
    {{- return(add_periods(period, period_of(period, range_start(date_from), week_start), periods) | trim) -}}
{%- endmacro %}

{% macro periods_end_at(period, date_from, periods, week_start=none) -%}
    {%- set end = periods_end(period, date_from, periods, week_start) -%}
    {{- return(end if period in ['minute', 'hour'] else day_start(end) | trim) -}}
{%- endmacro %}

{# One row per period of a range (of period_range); the column is period_start. #}
{% macro period_series(period, range) -%}
    select {{ add_periods(period, 'first_period', 'period_offset') }} as period_start
    from (
        select
            first_period,
            {{ number_series(0, 'cast(' ~ periods_between(period, 'first_period', 'last_period') ~ ' as integer)') }} as period_offset

        from {{ range }}
        where first_period <= last_period
    ) as offsets
{%- endmacro %}
