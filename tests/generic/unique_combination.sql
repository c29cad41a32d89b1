{# Rows whose combination of columns is not unique; NULL counts as a value. #}
{% test unique_combination(model, columns) %}

    {{ repeated_keys(untested_keys(model, columns), columns) }}

{% endtest %}
