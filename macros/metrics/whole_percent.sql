{# A fraction as whole percent, in text. #}
{% macro whole_percent(fraction) -%}
    cast(cast(round(100 * {{ fraction }}) as bigint) as string)
{%- endmacro %}
