{#
    One end of the Wilson score interval of a proportion (Wilson 1927), in [0, 1]; NULL
    without trials. It stays inside [0, 1] and is sound for small n, where the normal
    interval is neither.
#}
{% macro wilson_interval(successes, trials, bound) -%}
    {%- do require_one_of('bound', bound, ['low', 'high']) -%}
    {%- set z = var('confidence_level_z') -%}
    {%- set k = 'cast(' ~ successes ~ ' as double)' -%}
    {%- set n = 'cast(' ~ trials ~ ' as double)' -%}
    case
        when {{ trials }} > 0 then {{ 'greatest(0.0' if bound == 'low' else 'least(1.0' }}, (
            {{ k }} + {{ z * z / 2 }} {{ '-' if bound == 'low' else '+' }} {{ z }}
            * sqrt({{ k }} * ({{ n }} - {{ k }}) / {{ n }} + {{ z * z / 4 }})
        ) / ({{ n }} + {{ z * z }}))
    end
{%- endmacro %}
