{#
    One row per event or segment that the vars name and that nothing in the data matches;
    a misspelt name would else be a funnel step that nobody reaches.
#}
{% macro unmatched_definitions() -%}
    {%- set named = [] -%}
    {%- for definition in funnel_definitions() -%}
        {%- for step in definition.steps -%}
            {%- do named.append({'step': step, 'where': "funnel '" ~ definition.name ~ "', step '" ~ step.name ~ "'"}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do named.append({'step': activation_definition(), 'where': 'activation'}) -%}
    {%- for event in var('passive_events') -%}
        {%- do named.append({'step': {'event': event}, 'where': 'passive_events'}) -%}
    {%- endfor -%}
    {%- for event in behavior_impact_definition().get('left_out_events', []) -%}
        {%- do named.append({'step': {'event': event}, 'where': 'behavior_impact: left_out_events'}) -%}
    {%- endfor -%}
    {%- for event in churn_definition().leaving_events -%}
        {%- do named.append({'step': {'event': event}, 'where': 'churn: leaving_events'}) -%}
    {%- endfor -%}
    {%- for item in named %}
    {%- set what = ("is named '" ~ item.step.event ~ "'") if item.step.event else 'is there' %}
    {%- set conditions = ' and meets the conditions' if item.step.get('where') else '' %}
    select
        cast(null as date) as check_date,
        {{ text_literal('definition without data: ' ~ item.where) }} as check_name,
        0 as rows,
        0 as rejected_rows,
        {{ text_literal(item.where ~ ': no event ' ~ what ~ conditions) }} as reason,
        true as is_anomaly

    where not exists (
        select 1 from {{ ref('fct_events') }}
        where {{ condition(item.step) }}
    )
    union all
    {%- endfor %}
    {%- for segment in var('segments') %}
    select
        cast(null as date) as check_date,
        {{ text_literal('definition without data: segment ' ~ segment) }} as check_name,
        0 as rows,
        0 as rejected_rows,
        {{ text_literal("segments: no user has a value of '" ~ segment ~ "'") }} as reason,
        true as is_anomaly

    where not exists (
        select 1 from {{ ref('dim_user_segments') }} as user_segments
        where user_segments.segment = '{{ segment }}'
    )
    union all
    {%- endfor %}
    select
        cast(null as date) as check_date,
        '' as check_name,
        0 as rows,
        0 as rejected_rows,
        '' as reason,
        false as is_anomaly

    where 1 = 0
{%- endmacro %}
