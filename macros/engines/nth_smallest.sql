{# The n-th smallest value of a group; where there are fewer, the largest. #}
{% macro nth_smallest(expression, number) -%}
    {{- return(adapter.dispatch("nth_smallest", "product_analytics")(expression, number)) -}}
{%- endmacro %}

{% macro duckdb__nth_smallest(expression, number) -%}
    list_max(min({{ expression }}, {{ number }}))
{%- endmacro %}

{% macro spark__nth_smallest(expression, number) -%}
    array_max(slice(array_sort(collect_list({{ expression }})), 1, {{ number }}))
{%- endmacro %}
