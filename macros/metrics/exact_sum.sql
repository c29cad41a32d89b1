{#
    The sum of fractions to 15 decimals, as a decimal: the same in whatever order and on
    however many threads they are added, which a sum of doubles is not.
#}
{% macro exact_sum(fraction) -%}
    sum(cast({{ fraction }} as decimal(38, 15)))
{%- endmacro %}
