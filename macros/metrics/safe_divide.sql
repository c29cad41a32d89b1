{# A ratio as double; NULL where the denominator is 0 or NULL, never infinite. #}
{% macro safe_divide(numerator, denominator) -%}
    cast({{ numerator }} as double) / nullif({{ denominator }}, 0)
{%- endmacro %}
