{#
    Marts by period keep the periods of which they would say the same again. meta has:
        periods: which kinds there are; of more than one, the model has a column `period`.
        is_over: a column that says whether the period was over, and whatever a row looks at
            beyond it; without it nothing in a row says so.
        periods_ahead: how many periods beyond its own a row looks at, by default none.
        period_column: the start of a row's period, by default period_start; with the kind
            `day` also a day up to which it looks back.
        is_dense: whether every slice has a row in every period, zeros included.
        counts_sessions: whether sessions are counted by the day on which they began.
        counts_paths: whether rows are of sessions, see changed_path_days.
    Such a model makes rows of remade periods only, and exactly these are in scope of the
    strategy `differences`.
#}
{% macro is_remade_period() -%}
    {%- set periods = model.config.meta.periods -%}
    {%- set column = model.config.meta.get('period_column', 'period_start') -%}
    {%- if periods | length == 1 -%}
        {{ column }} >= {{ remade_from(periods[0]) }}
    {%- else -%}
        {{ column }} >= case period
            {%- for period in periods %} when '{{ period }}' then {{ remade_from(period) }}{% endfor %} end
    {%- endif -%}
{%- endmacro %}

{#
    The start of the first period that is made again, a literal: the first that anything
    reaches that has changed, or that was not over, or is not.
#}
{% macro remade_from(period) -%}
    {%- set meta = model.config.meta -%}
    {%- set column = meta.get('period_column', 'period_start') -%}
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
        select min({{ column }}) from {{ this }} where {{ is_period }} and {{ meta.is_over }} is not true
        {%- endif %}
        {%- if meta.get('is_dense') %}
        union all
        -- Periods without events come with the first event after them.
        select {{ add_periods(period, 'max(' ~ column ~ ')', 1) }} from {{ this }} where {{ is_period }}
        {%- endif %}

    )

    select greatest(coalesce(min(period_start), date '9999-12-31'), date '0001-01-01') from starts
    {%- endset -%}
    {{- "date '" ~ run_query(query).rows[0][0] ~ "'" -}}
{%- endmacro %}

{# SQL of the days from which on rows of the model may be others than they were. #}
{% macro days_of_changes() -%}
    {%- set everything = "date '0001-01-01'" -%}
    {%- set slice = '(segment, segment_value)' if model.config.meta.get('is_dense') else 'segment' -%}
    select coalesce(event_date, {{ everything }}) as changed_day from incremental.changed_days
    union all
    -- What is counted by segment has changed as long as they have been active.
    select coalesce({{ local_date('first_active_at') }}, {{ everything }})
    from incremental.changed_segments
    union all
    -- A segment that no user has is left out, and comes with the first value of anyone.
    select {{ everything }}
    from (select distinct {{ slice }} as slice from {{ this }}) as kept
    full outer join (select distinct {{ slice }} as slice from {{ ref('dim_user_segments') }}) as given
        on kept.slice = given.slice
    where kept.slice is null or given.slice is null
    {%- if model.config.meta.get('is_over') %}
    union all
    select {{ add_days('as_of_date', 1) }} from {{ ref('data_bounds') }} where as_of_date is not null
    {%- endif %}
    {%- if model.config.meta.get('counts_sessions') or model.config.meta.get('counts_paths') %}
    union all
    select coalesce(start_date, {{ everything }}) from incremental.changed_sessions
    {%- endif %}
    {%- if model.config.meta.get('counts_paths') %}
    union all
    {{ changed_path_days() }}
    {%- endif %}
{%- endmacro %}

{#
    SQL of the days on which sessions began that reach to a changed day. Where not every event
    keeps its name, one day more may give others a name everywhere.
#}
{% macro changed_path_days() -%}
    select start_date as changed_day from {{ ref('fct_sessions') }}
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
