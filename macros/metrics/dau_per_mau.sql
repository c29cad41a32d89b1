{#
    Stickiness on a date as one number: DAU averaged over the trailing 28 days, divided by MAU over the
    same 28 days. The last day's DAU alone would swing with the weekday.
#}
{% macro dau_per_mau(dau, mau, slice, date) -%}
    {{ safe_divide(
        'avg(' ~ dau ~ ') over (
            partition by ' ~ slice ~ '
            order by ' ~ date ~ '
            rows between 27 preceding and current row
        )', mau
    ) }}
{%- endmacro %}
