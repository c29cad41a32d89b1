{# A hash of a row's columns; the separator keeps ('ab', 'c') apart from ('a', 'bc'). #}
{% macro row_fingerprint(columns) -%}
    md5(
        {%- for column in columns %}
        coalesce(cast({{ column }} as string), chr(30)){{ ' || chr(31) ||' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}
