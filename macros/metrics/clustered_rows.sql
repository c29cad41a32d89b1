{#
    How many independent rows a rate rests on when users have several rows each, for
    wilson_interval: an aggregate over one row per user, whole numbers of successes and of
    rows. It is the rows where everyone has one, fewer the more alike a user's rows are (the
    design effect of a ratio of sums), never more; the users where the rate is 0 or 1.
#}
{% macro clustered_rows(successes, trials) -%}
    {%- set rate = '(cast(sum(' ~ successes ~ ') as double) / sum(' ~ trials ~ '))' -%}
    case
            when sum({{ successes }}) in (0, sum({{ trials }})) then cast(count(*) as double)
            else
                least(
                    cast(sum({{ trials }}) as double),
                    {{ rate }} * (1 - {{ rate }}) * power(sum({{ trials }}), 2)
                    / nullif(
                        sum({{ successes }} * {{ successes }})
                        - 2 * {{ rate }} * sum({{ successes }} * {{ trials }})
                        + {{ rate }} * {{ rate }} * sum({{ trials }} * {{ trials }}),
                        0
                    )
                )
        end
{%- endmacro %}
