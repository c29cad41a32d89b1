{#
    Two JSON texts of objects in one: the keys of the first that the second has not, then those
    of the second, which wins, by a null too.
#}
{% macro json_merge(first, second) -%}
    {{- return(adapter.dispatch("json_merge", "product_analytics")(first, second)) -}}
{%- endmacro %}

{% macro duckdb__json_merge(first, second) -%}
    cast(json_merge_patch({{ first }}, {{ second }}) as varchar)
{%- endmacro %}

{#-
    A variant tells a text from a number, but sorts the keys of nested objects and drops the
    fraction of 10.0: of these the text is taken.
-#}
{% macro spark__json_merge(first, second) -%}
    {%- set values = "try_variant_get(try_parse_json({}), '$', 'map<string,variant>')" -%}
    {%- set texts = "from_json({}, 'map<string,string>')" -%}
    {%- set value = 'coalesce(' ~ values.format(second) ~ '[key], ' ~ values.format(first) ~ '[key])' -%}
    {%- set text = 'coalesce(' ~ texts.format(second) ~ '[key], ' ~ texts.format(first) ~ '[key])' -%}
    concat(
        '{',
        array_join(
            transform(
                filter(
                    array_union(
                        array_except(json_object_keys({{ first }}), json_object_keys({{ second }})),
                        json_object_keys({{ second }})
                    ),
                    key -> not is_variant_null({{ values.format(second) }}[key])
                ),
                key -> case
                    when schema_of_variant({{ value }}) rlike '^(OBJECT|ARRAY|DECIMAL|DOUBLE|FLOAT)'
                        then concat(trim(both '[]' from to_json(array(key))), ':', {{ text }})
                    else substring(to_json(map(key, {{ value }})), 2, length(to_json(map(key, {{ value }}))) - 2)
                end
            ),
            ','
        ),
        '}'
    )
{%- endmacro %}
