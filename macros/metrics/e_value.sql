{#
    E-value (VanderWeele and Ding 2017): the risk ratio that something unmeasured would need
    with both the behaviour and the outcome, beyond all that was held equal, to explain a
    risk ratio away. 1: nothing is needed.
#}
{% macro e_value(risk_ratio) -%}
    {%- set ratio = 'greatest(' ~ risk_ratio ~ ', 1 / ' ~ risk_ratio ~ ')' -%}
    {{ ratio }} + sqrt({{ ratio }} * ({{ ratio }} - 1))
{%- endmacro %}

{#
    Users that each of two arms needs, for 80 % power of a two-sided test at the project's
    level of confidence, to show a difference between two rates (Fleiss, without correction
    for continuity). NULL without a difference, or where it leads out of (0, 1).
#}
{% macro users_per_arm(rate, difference) -%}
    {%- set power_z = 0.8416212335729143 -%}
    {%- set other = '(' ~ rate ~ ' + ' ~ difference ~ ')' -%}
    {%- set middle = '(' ~ rate ~ ' + ' ~ difference ~ ' / 2)' -%}
    case
        when {{ difference }} <> 0 and {{ other }} > 0 and {{ other }} < 1
            then cast(ceil(power(
                (
                    {{ var('confidence_level_z') }} * sqrt(2 * {{ middle }} * (1 - {{ middle }}))
                    + {{ power_z }} * sqrt(
                        {{ rate }} * (1 - {{ rate }}) + {{ other }} * (1 - {{ other }})
                    )
                ) / {{ difference }}, 2
            )) as bigint)
    end
{%- endmacro %}
