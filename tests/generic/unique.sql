{# What dbt's own test unique calls: values that are not unique; NULL passes. #}
{% macro default__test_unique(model, column_name) %}

    {{ repeated_keys('(select ' ~ column_name ~ ' from ' ~ untested_keys(model, [column_name]) ~ ' where ' ~ column_name ~ ' is not null) as given', [column_name]) }}

{% endmacro %}
