{# Values outside [0, 1], not a number or infinite; NULL (no denominator) passes. #}
{% test is_fraction(model, column_name) %}

    select {{ column_name }}
    from {{ model }}
    where {{ column_name }} is not null
        and not coalesce({{ column_name }} between 0 and 1, false)

{% endtest %}
