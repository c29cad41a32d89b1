{#
    Keys of a relation that several rows have, with their number. Grouping wide keys of
    many rows takes more time and memory than all else about it, so hashes are grouped
    first, and only keys of a hash that repeats are looked at themselves.
#}
{% macro repeated_keys(relation, columns) -%}
    select
        {{ columns | join(', ') }},
        count(*) as row_count

    from {{ relation }}
    where {{ row_hash(columns) }} in (
        select {{ row_hash(columns) }}
        from {{ relation }}
        group by {{ row_hash(columns) }}
        having count(*) > 1
    )
    group by {{ columns | join(', ') }}
    having count(*) > 1
{%- endmacro %}
