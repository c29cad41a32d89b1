{# What a row with step_1_at to step_n_at says of its attempt; unreached steps are NULL. #}
{% macro deepest_step(step_count) -%}
    {%- for number in range(1, step_count + 1) -%}
    case when step_{{ number }}_at is not null then 1 else 0 end{{ ' + ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{% macro step_times(step_count) -%}
    {%- set times = [] -%}
    {%- for number in range(1, step_count + 1) -%}
        {%- do times.append('step_' ~ number ~ '_at') -%}
    {%- endfor -%}
    {{- array_head(array_of(times), '(' ~ deepest_step(step_count) ~ ')') -}}
{%- endmacro %}

{# Whether two of its steps fell on one instant, where another tool may count otherwise. #}
{% macro had_tie(step_count) -%}
    {%- if step_count == 1 -%}
    false
    {%- else -%}
    {%- for number in range(2, step_count + 1) -%}
    coalesce(step_{{ number }}_at = step_{{ number - 1 }}_at, false){{ ' or ' if not loop.last }}
    {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
