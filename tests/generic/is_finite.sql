{# Values that are not a number or infinite; NULL passes. #}
{% test is_finite(model, column_name) %}

    select {{ column_name }}
    from {{ model }}
    where {{ column_name }} is not null
        and not coalesce(abs({{ column_name }}) < 1e300, false)

{% endtest %}
