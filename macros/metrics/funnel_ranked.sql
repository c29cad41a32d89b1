{#
    What funnel gives, with each attempt's depth and its rank among the attempts of its
    actor: attempt_number by entry, is_first, is_headline (the deepest, then the earliest).

    attempts: relation with the columns of funnel. steps: the steps it was called with.
    step_times has one element per step, NULL where the step was not reached;
    deepest_step is the number of the last required step reached.
#}
{% macro funnel_ranked(attempts, steps) -%}
    select
        actor_id,
        user_id,
        entry_event_id,
        entry_properties,
        deepest_step,
        {{ step_times(steps | length) }} as step_times,
        row_number() over (partition by actor_id order by entry_order) as attempt_number,
        {{ is_headline_attempt(convention('attempt_rule')) }} as is_headline,
        {{ is_headline_attempt('first') }} as is_first,
        {{ had_tie(steps | length) }} as had_tie,
        ended_by_exclusion,
        entered_at

    from (
        select
            *,
            case
                {%- for number in required_steps(steps) | reverse %}
                when step_{{ number }}_at is not null then {{ number }}
                {%- endfor %}
            end as deepest_step

        from {{ attempts }}
    ) as attempts_with_depth
{%- endmacro %}
