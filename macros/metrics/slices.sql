{#
    Slicing counts instead of users. Where a count is a sum over users, it is first counted by
    the combination of a user's segment values (combination_id, one per user) and then added
    up for each slice that the combination lies in.

    user_segments: relation with user_id, combination_id, segment, segment_value: each user
    has a row of segment `all`, and all rows of a user have one combination_id.
#}
{% macro user_combinations(user_segments) -%}
    select
        user_id,
        combination_id

    from {{ user_segments }}
    where segment = 'all'
{%- endmacro %}

{# The counts by slice. counts: relation with combination_id, keys and sums. #}
{% macro sliced_counts(counts, user_segments, keys, sums) -%}
    select
        slices.segment,
        slices.segment_value,
        {%- for key in keys %}
        counts.{{ key }},
        {%- endfor %}
        {%- for sum in sums %}
        sum(counts.{{ sum }}) as {{ sum }}{{ ',' if not loop.last }}
        {%- endfor %}

    from {{ counts }} as counts
    inner join (
        select
            combination_id,
            segment,
            segment_value

        from {{ user_segments }}
        group by combination_id, segment, segment_value
    ) as slices
        on counts.combination_id = slices.combination_id
    group by
        slices.segment,
        slices.segment_value
        {%- for key in keys %},
        counts.{{ key }}
        {%- endfor %}
{%- endmacro %}
