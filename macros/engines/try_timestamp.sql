{# UTC timestamp of a text; an offset in it is honoured, without one it is UTC. NULL where it cannot be read. #}
{% macro try_timestamp(text) -%}
    {{- return(adapter.dispatch("try_timestamp", "product_analytics")(text)) -}}
{%- endmacro %}

{% macro duckdb__try_timestamp(text) -%}
    timezone('UTC', try_cast({{ text }} as timestamptz))
{%- endmacro %}

{#
    Spark would also read a year alone, a time alone (of today) and words such as now, which
    are no times on DuckDB, and it knows no slashes and no zone behind minutes.
#}
{% macro spark__try_timestamp(text) -%}
    {%- set zone = '(Z|[+-][0-9:]{2,8}| [A-Za-z][A-Za-z0-9/_+-]+)?' -%}
    {%- set time = '([ T][0-9]{1,2}:[0-9]{1,2}(:[0-9]{1,2}([.][0-9]*)?)?' ~ zone ~ ' *)?$' -%}
    case
        when {{ text }} rlike '^ *[0-9]{4}(-[0-9]{1,2}-|/[0-9]{1,2}/)[0-9]{1,2}{{ time }}'
            then
                try_cast(
                    regexp_replace(
                        regexp_replace({{ text }}, '([0-9]{4})/([0-9]{1,2})/', '$1-$2-'),
                        '([ T][0-9]{1,2}:[0-9]{1,2})(?![0-9:])', '$1:00'
                    ) as timestamp
                )
    end
{%- endmacro %}
