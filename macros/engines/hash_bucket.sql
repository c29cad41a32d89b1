{#
    A whole number from 0 to buckets - 1 that looks drawn at random and is the same for one
    text on any engine: the first 32 bits of its md5.
#}
{% macro hash_bucket(text, buckets) -%}
    {{- return(adapter.dispatch("hash_bucket", "product_analytics")(text, buckets)) -}}
{%- endmacro %}

{% macro duckdb__hash_bucket(text, buckets) -%}
    (cast('0x' || substring(md5({{ text }}), 1, 8) as bigint) % {{ buckets }})
{%- endmacro %}

{% macro spark__hash_bucket(text, buckets) -%}
    (cast(conv(substring(md5({{ text }}), 1, 8), 16, 10) as bigint) % {{ buckets }})
{%- endmacro %}
