{#
    Scalar macros of the published file for queries of its marts: what the marts' own
    rates and intervals are made of, so that a rate over a part of a mart is the same.
    {name(parameters): SQL of the body}.
#}
{% macro metric_functions() -%}
    {{- return({
        'safe_divide(numerator, denominator)': safe_divide('numerator', 'denominator'),
        'wilson_low(successes, trials)': wilson_interval('successes', 'trials', 'low'),
        'wilson_high(successes, trials)': wilson_interval('successes', 'trials', 'high'),
    }) -}}
{%- endmacro %}
