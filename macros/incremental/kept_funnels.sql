{#
    Names of the funnels whose attempts cannot be kept: those that are new or defined in
    another way than before, and those that count by something else than users, of which
    an attempt may be made of several users' events.
#}
{% macro remade_funnels() -%}
    {%- set redefined = redefined_funnels() -%}
    {%- set remade = [] -%}
    {%- for definition in funnel_definitions()
        if definition.name in redefined or definition.count_by != 'user_id' -%}
        {%- do remade.append(definition.name) -%}
    {%- endfor -%}
    {{- return(remade) -}}
{%- endmacro %}

{% macro redefined_funnels() -%}
    {%- set kept = run_query('select definition from incremental.definitions').columns[0].values() -%}
    {%- set redefined = [] -%}
    {%- for definition in funnel_definitions() if funnel_definition_hash(definition) not in kept -%}
        {%- do redefined.append(definition.name) -%}
    {%- endfor -%}
    {{- return(redefined) -}}
{%- endmacro %}

{% macro tell_of_redefined_funnels() -%}
    {%- for name in redefined_funnels() -%}
        {%- do log("Funnel '" ~ name ~ "' is made anew: it is new, or its definition has changed.", info=true) -%}
    {%- endfor -%}
{%- endmacro %}

{% macro funnel_definition_hash(definition) -%}
    {{- return(local_md5(tojson(definition, sort_keys=true))) -}}
{%- endmacro %}

{# A condition on attempts: whether they are of a remade funnel, or of one that is no more. #}
{% macro is_remade_funnel() -%}
    {%- set remade = remade_funnels() -%}
    {%- set kept = [] -%}
    {%- for definition in funnel_definitions() if definition.name not in remade -%}
        {%- do kept.append(text_literal(definition.name)) -%}
    {%- endfor -%}
    {{- 'funnel not in (' ~ kept | join(', ') ~ ')' if kept else 'true' -}}
{%- endmacro %}

{# SQL for the transaction that changes funnel_attempts. #}
{% macro remember_funnels() -%}
    {%- if execute and model.config.materialized == 'incremental' -%}
    delete from incremental.definitions where starts_with(fact, 'funnel ');
    {%- for definition in funnel_definitions() %}
    insert into incremental.definitions
    values ({{ text_literal('funnel ' ~ definition.name) }}, '{{ funnel_definition_hash(definition) }}');
    {%- endfor %}
    {%- endif -%}
{%- endmacro %}

{# Attempts of other users mature too as the data goes on. #}
{% macro mature_attempts() -%}
    {%- if execute and model.config.materialized == 'incremental' -%}
    {%- for definition in funnel_definitions() if definition.window_seconds is not none %}
    update {{ this }}
    set is_matured = not is_matured
    where funnel = {{ text_literal(definition.name) }}
        and is_matured <> (
            {{ add_seconds('entered_at', definition.window_seconds) }}
            <= (select bounds.data_end from {{ ref('data_bounds') }} as bounds)
        );
    {%- endfor %}
    {%- endif -%}
{%- endmacro %}
