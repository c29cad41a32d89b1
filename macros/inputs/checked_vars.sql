{#
    Vars that need a check before they are used in SQL. check_vars checks them all when the
    project is parsed, so that a wrong one stops any command before it has begun.
#}
{% macro check_vars() -%}
    {%- do duplicate_rows() -%}
    {%- do loaded_until() -%}
    {%- do as_of_date() -%}
    {%- do lookback_days() -%}
    {%- do changed_days() -%}
    {%- do reporting_timezone() -%}
    {%- do segments() -%}
    {%- do passive_events() -%}
    {%- do funnel_definitions() -%}
    {%- do activation_definition() -%}
    {%- do retention_definition() -%}
    {%- do churn_definition() -%}
    {%- do churn_training_rows() -%}
    {%- do churn_contact() -%}
    {%- do behavior_impact_definition() -%}
    {%- do churn_model() -%}
    {%- do engagement_tiers() -%}
    {%- do behavior_segments_definition() -%}
    {%- do require_number('var session_timeout_minutes', var('session_timeout_minutes')) -%}
    {%- do require_number('var confidence_level_z', var('confidence_level_z')) -%}
{%- endmacro %}

{% macro duplicate_rows() -%}
    {%- do require_one_of('var duplicate_rows', var('duplicate_rows'), ['keep', 'reject']) -%}
    {{- return(var('duplicate_rows')) -}}
{%- endmacro %}

{# UTC timestamp literal up to which the data is loaded; empty where it is not said. #}
{% macro loaded_until() -%}
    {{- return(time_var('loaded_until', 'timestamp', '[0-9]{4}-[0-9]{2}-[0-9]{2}([ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?)?', 'YYYY-MM-DD HH:MM:SS')) -}}
{%- endmacro %}

{# Date literal of the day to report on; empty where the data decides. #}
{% macro as_of_date() -%}
    {{- return(time_var('as_of_date', 'date', '[0-9]{4}-[0-9]{2}-[0-9]{2}', 'YYYY-MM-DD')) -}}
{%- endmacro %}

{# How many days at the end of the data a build reads again. #}
{% macro lookback_days() -%}
    {%- set given = var('lookback_days') -%}
    {%- if given is not integer or given is boolean or given < 0 -%}
        {%- do exceptions.raise_compiler_error(
            "var lookback_days: got '" ~ given ~ "', allowed is a whole number of days from 0 on"
        ) -%}
    {%- endif -%}
    {{- return(given) -}}
{%- endmacro %}

{# Days (UTC) that a build reads again, wherever they lie. #}
{% macro changed_days() -%}
    {%- set given = var('changed_days') -%}
    {%- if given is string or given is mapping or given is not iterable -%}
        {%- do exceptions.raise_compiler_error(
            "var changed_days: got '" ~ given ~ "', allowed is a list of days, such as ['2026-01-31']"
        ) -%}
    {%- endif -%}
    {%- set days = [] -%}
    {%- for day in given -%}
        {%- if not (modules.re.fullmatch('[0-9]{4}-[0-9]{2}-[0-9]{2}', day | string) and is_day(day | string)) -%}
            {%- do exceptions.raise_compiler_error(
                "var changed_days: got '" ~ day ~ "', allowed are days YYYY-MM-DD"
            ) -%}
        {%- endif -%}
        {%- do days.append(day | string) -%}
    {%- endfor -%}
    {{- return(days) -}}
{%- endmacro %}

{% macro time_var(name, type, pattern, allowed) -%}
    {%- set given = var(name) | string | trim -%}
    {%- if given | lower == 'none' -%}
        {{- return('') -}}
    {%- elif not (modules.re.fullmatch(pattern, given) and is_day(given[:10])) -%}
        {%- do exceptions.raise_compiler_error(
            'var ' ~ name ~ ": got '" ~ given ~ "', allowed are: none, or " ~ allowed
        ) -%}
    {%- endif -%}
    {{- return("cast('" ~ given ~ "' as " ~ type ~ ')') -}}
{%- endmacro %}

{# Whether a text YYYY-MM-DD is a day of the calendar. #}
{% macro is_day(text) -%}
    {%- set year, month, day = text[:4] | int, text[5:7] | int, text[8:] | int -%}
    {%- set is_leap_year = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) -%}
    {%- set month_days = [31, 29 if is_leap_year else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] -%}
    {{- return(year >= 1 and 1 <= month <= 12 and 1 <= day <= month_days[month - 1]) -}}
{%- endmacro %}

{% macro reporting_timezone() -%}
    {%- if var('reporting_timezone') not in modules.pytz.all_timezones_set -%}
        {%- do exceptions.raise_compiler_error(
            "var reporting_timezone: got '" ~ var('reporting_timezone') ~ "', allowed are the names "
            ~ 'of the IANA time zone database: UTC, Europe/Berlin, America/New_York and so on'
        ) -%}
    {%- endif -%}
    {{- return(var('reporting_timezone')) -}}
{%- endmacro %}

{# Segments are written into SQL and JSON paths as they are, so quotes are not allowed. #}
{% macro segments() -%}
    {%- do require_list_of_text('segments') -%}
    {%- for segment in var('segments') -%}
        {%- if not modules.re.fullmatch('[^\'"\\\\\\s]([^\'"\\\\\\n]*[^\'"\\\\\\s])?', segment)
            or segment == 'all' or segment in var('segments')[:loop.index0] -%}
            {%- do exceptions.raise_compiler_error(
                'var segments: got [' ~ segment ~ '], allowed are names of properties, each once, '
                ~ "without quotes and backslashes, and not 'all', which stands for everyone"
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(var('segments')) -}}
{%- endmacro %}

{% macro passive_events() -%}
    {%- do require_list_of_text('passive_events') -%}
    {{- return(var('passive_events')) -}}
{%- endmacro %}

{% macro engagement_tiers() -%}
    {%- set allowed = ['new_tenure_days', 'power_days', 'core_days', 'casual_days'] -%}
    {%- do require_keys('var engagement_tiers', var('engagement_tiers'), allowed) -%}
    {%- for name in allowed -%}
        {%- do require_whole_number('var engagement_tiers: ' ~ name, var('engagement_tiers').get(name), 0) -%}
    {%- endfor -%}
    {{- return(var('engagement_tiers')) -}}
{%- endmacro %}
