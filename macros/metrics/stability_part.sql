{#
    What one bin adds to a population stability index: (current share - reference share) *
    ln(current share / reference share). Half a row is added to each bin, so that an empty
    one gives a number.
#}
{% macro stability_part(reference_rows, reference_total, current_rows, current_total, bins) -%}
    {%- set reference -%}
        ({{ reference_rows }} + 0.5) / cast({{ reference_total }} + 0.5 * {{ bins }} as double)
    {%- endset -%}
    {%- set current -%}
        ({{ current_rows }} + 0.5) / cast({{ current_total }} + 0.5 * {{ bins }} as double)
    {%- endset -%}
    ({{ current }} - {{ reference }}) * ln({{ current }} / ({{ reference }}))
{%- endmacro %}
