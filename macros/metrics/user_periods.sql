{# One row per user and period in which the relation has a row of theirs. #}
{% macro user_periods(relation, period, name='period_start') -%}
    select
        user_id,
        {{ period }} as {{ name }}

    from {{ relation }}
    group by user_id, {{ period }}
{%- endmacro %}
