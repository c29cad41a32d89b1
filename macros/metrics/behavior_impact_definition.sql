{#
    var behavior_impact, checked. Behaviours are counted on the days 0 to exposure_days - 1
    of a user's life, the outcome on later ones, so that no day is in both.
#}
{% macro behavior_impact_definition() -%}
    {%- set name = 'var behavior_impact' -%}
    {%- set given = var('behavior_impact') -%}
    {%- do require_keys(name, given, [
        'exposure_days', 'landmark_day', 'outcome_days', 'thresholds', 'reach', 'least_users',
        'automatic_share', 'left_out_events', 'discovery_share', 'false_discovery_rate',
        'least_remaining_share', 'most_users',
    ]) -%}
    {%- for key, least in {'exposure_days': 1, 'landmark_day': 0, 'least_users': 1, 'most_users': 1}.items() -%}
        {%- do require_whole_number(name ~ ': ' ~ key, given.get(key), least) -%}
    {%- endfor -%}
    {%- for key in ['automatic_share', 'discovery_share', 'false_discovery_rate', 'least_remaining_share'] -%}
        {%- do require_fraction(name ~ ': ' ~ key, given.get(key)) -%}
    {%- endfor -%}
    {%- for key in ['reach', 'outcome_days'] -%}
        {%- do require_list(name ~ ': ' ~ key, given.get(key), 'two numbers, [first, last]') -%}
        {%- for end in given[key] -%}
            {%- if key == 'reach' -%}
                {%- do require_fraction(name ~ ': reach: item ' ~ loop.index, end) -%}
            {%- else -%}
                {%- do require_whole_number(name ~ ': outcome_days: item ' ~ loop.index, end, given.exposure_days) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if given[key] | length != 2 or given[key][0] > given[key][1] -%}
            {%- do exceptions.raise_compiler_error(
                name ~ ': ' ~ key ~ ': got ' ~ given[key] ~ ', allowed is [first, last], the last not below the first'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if given.landmark_day >= given.exposure_days -%}
        {%- do exceptions.raise_compiler_error(
            name ~ ': landmark_day is ' ~ given.landmark_day ~ ', allowed are days below exposure_days, '
            ~ given.exposure_days ~ ': it is a day on which behaviours are counted'
        ) -%}
    {%- endif -%}
    {%- do require_list(name ~ ': thresholds', given.get('thresholds'), 'whole numbers from 1') -%}
    {%- for threshold in given.thresholds -%}
        {%- do require_whole_number(name ~ ': thresholds: item ' ~ loop.index, threshold, 1) -%}
        {%- if threshold in given.thresholds[:loop.index0] -%}
            {%- do exceptions.raise_compiler_error(
                name ~ ': thresholds: got ' ~ threshold ~ ' twice, allowed is each once'
            ) -%}
        {%- endif -%}
    {%- else -%}
        {%- do exceptions.raise_compiler_error(
            name ~ ': thresholds: got an empty list, allowed are one or more whole numbers from 1'
        ) -%}
    {%- endfor -%}
    {%- do require_list(name ~ ': left_out_events', given.get('left_out_events', []), 'names, such as [one, two]') -%}
    {%- for event in given.get('left_out_events', []) -%}
        {%- do require_text(name ~ ': left_out_events: item ' ~ loop.index, event) -%}
    {%- endfor -%}
    {{- return(given) -}}
{%- endmacro %}
