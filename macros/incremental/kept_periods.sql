{#
    Marts by period keep the periods of which they would say the same again. meta has:
        periods: which kinds there are; of more than one, the model has a column `period`.
        is_over: a column that says whether the period was over, and whatever a row looks at
            beyond it; without it nothing in a row says so.
        periods_ahead: how many periods beyond its own a row looks at, by default none.
        counts_paths: whether rows are of sessions, see changed_path_days.
    Such a model makes rows of remade periods only, and exactly these are in scope of the
    strategy `differences`.
#}
{% macro is_remade_period() -%}
    {%- set periods = model.config.meta.periods -%}
    {%- if periods | length == 1 -%}
        period_start >= {{ remade_from(periods[0]) }}
    {%- else -%}
        period_start >= case period
            {%- for period in periods %} when '{{ period }}' then {{ remade_from(period) }}{% endfor %} end
    {%- endif -%}
{%- endmacro %}

{#
    The start of the first period that is made again, a literal: the first that anything
    reaches that has changed, or that was not over, or is not.
#}
{% macro remade_from(period) -%}
    {%- set meta = model.config.meta -%}
    {%- set is_period = "period = '" ~ period ~ "'" if meta.periods | length > 1 else 'true' -%}
    {%- set query -%}
    with

    changed_days as (

        {{ days_of_changes() | indent(8) }}

    ),

    starts as (

        select {{ add_periods(
            period, period_start(period, 'min(changed_day)'), -meta.get('periods_ahead', 0)
        ) }} as period_start
        from changed_days
        {%- if meta.get('is_over') %}
        union all
        select min(period_start) from {{ this }} where {{ is_period }} and {{ meta.is_over }} is not true
        {%- endif %}

    )

    select greatest(coalesce(min(period_start), date '9999-12-31'), date '0001-01-01') from starts
    {%- endset -%}
    {{- "date '" ~ run_query(query).rows[0][0] ~ "'" -}}
{%- endmacro %}

{# SQL of the days from which on rows of the model may be others than they were. #}
{% macro days_of_changes() -%}
    {%- set everything = "date '0001-01-01'" -%}
    select coalesce(event_date, {{ everything }}) as changed_day from incremental.changed_days
    union all
    -- What is counted by segment has changed as long as they have been active.
    select coalesce({{ local_date('first_active_at') }}, {{ everything }})
    from incremental.changed_segments
    union all
    -- A segment that no user has is left out, and comes with the first value of anyone.
    select {{ everything }}
    from (select distinct segment from {{ this }}) as kept
    full outer join (select distinct segment from {{ ref('dim_user_segments') }}) as given
        on kept.segment = given.segment
    where kept.segment is null or given.segment is null
    {%- if model.config.meta.get('is_over') %}
    union all
    select {{ add_days('as_of_date', 1) }} from {{ ref('data_bounds') }} where as_of_date is not null
    {%- endif %}
    {%- if model.config.meta.get('counts_paths') %}
    union all
    {{ changed_path_days() }}
    {%- endif %}
{%- endmacro %}

{#
    SQL of the days on which sessions began that may have changed: they reach to a changed
    day, or did and do no more. Where not every event keeps its name, one day more may give
    others a name everywhere.
#}
{% macro changed_path_days() -%}
    select coalesce(start_date, date '0001-01-01') as changed_day from incremental.changed_sessions
    union all
    select start_date from {{ ref('fct_sessions') }}
    where {{ local_date('ended_at') }} >= (select min(event_date) from incremental.changed_days)
    union all
    select date '0001-01-01'
    where {{ paths_definition().top_nodes }}
        < (select count(distinct event_name) from {{ ref('fct_events') }} where is_activity)
        or exists (select * from {{ this }} where '(other)' in (from_event, to_event))
{%- endmacro %}

{# The first day of the sessions that reach to a day or beyond, a literal. #}
{% macro first_day_of_sessions(day) -%}
    {%- set query -%}
    select least({{ day }}, min(start_date)) from {{ ref('fct_sessions') }}
    where start_date < {{ day }} and {{ local_date('ended_at') }} >= {{ day }}
    {%- endset -%}
    {{- "date '" ~ run_query(query).rows[0][0] ~ "'" -}}
{%- endmacro %}
