{# A text's place in [0, 1), by its MD5: as if drawn at random, but the same everywhere. #}
{% macro hash_fraction(text) -%}
    {{- return(adapter.dispatch("hash_fraction", "product_analytics")(text)) -}}
{%- endmacro %}

{% macro duckdb__hash_fraction(text) -%}
    (cast('0x' || substr(md5({{ text }}), 1, 8) as bigint) / 4294967296.0)
{%- endmacro %}

{% macro spark__hash_fraction(text) -%}
    (cast(conv(substr(md5({{ text }}), 1, 8), 16, 10) as double) / 4294967296.0)
{%- endmacro %}
