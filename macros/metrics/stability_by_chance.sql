{#
    The population stability index that one in twenty features exceeds although nothing has
    changed: about chi-squared with bins - 1 degrees of freedom, times 1 / reference + 1 /
    current (Yurdakul 2018). Counted in users, whose rows are alike; up to eleven bins.
#}
{% macro stability_by_chance(bins, reference_users, current_users) -%}
    case {{ bins }}
            {%- for quantile in [3.841, 5.991, 7.815, 9.488, 11.070, 12.592, 14.067, 15.507, 16.919, 18.307] %}
            when {{ loop.index + 1 }} then {{ quantile }}
            {%- endfor %}
            else 0.0
        end * (1.0 / nullif({{ reference_users }}, 0) + 1.0 / nullif({{ current_users }}, 0))
{%- endmacro %}
