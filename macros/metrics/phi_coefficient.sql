{#
    Correlation of two yes-or-no variables in [-1, 1] from the counts of their four-fold
    table; also known as Matthews correlation. NULL where one of them does not vary. total *
    phi * phi is the chi-squared statistic of the table.
#}
{% macro phi_coefficient(both, first, second, total) -%}
    {%- set n = 'cast(' ~ total ~ ' as double)' -%}
    ({{ n }} * {{ both }} - cast({{ first }} as double) * {{ second }}) / nullif(
        sqrt(cast({{ first }} as double) * ({{ total }} - {{ first }}))
        * sqrt(cast({{ second }} as double) * ({{ total }} - {{ second }})), 0
    )
{%- endmacro %}
