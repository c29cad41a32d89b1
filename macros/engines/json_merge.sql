{% macro json_merge(first, second) -%}
    {{- return(adapter.dispatch("json_merge", "product_analytics")(first, second)) -}}
{%- endmacro %}

{% macro duckdb__json_merge(first, second) -%}
    cast(json_merge_patch({{ first }}, {{ second }}) as varchar)
{%- endmacro %}

{% macro spark__json_merge(first, second) -%}
    to_json(map_concat(from_json({{ first }}, 'map<string,string>'), from_json({{ second }}, 'map<string,string>')))
{%- endmacro %}
