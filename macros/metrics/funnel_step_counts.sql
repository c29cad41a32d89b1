{#
    A funnel step by step: users, drop-off, what is still open, time to convert.

    attempts: relation with one row per actor, usually its headline attempt: deepest_step,
    step_times, is_matured, entered_at and the columns of `group_by`.
    steps: relation with step_number, step_name, previous_number (the required step before
    it, NULL for the first), is_optional and the columns of `group_by` that it shares.
    group_by: columns to group by; join_on: those of them that attempts and steps share.

    Who reached the step before and not this one has dropped out where the window has
    closed, and is pending where it has not; an optional step loses nobody.
#}
{% macro funnel_step_counts(attempts, steps, group_by=[], join_on=[]) -%}
    with

    attempt_steps as (

        select
            {%- for column in group_by %}
            attempts.{{ column }},
            {%- endfor %}
            steps.step_number,
            steps.step_name,
            steps.previous_number,
            steps.is_optional,
            attempts.is_matured,
            {{ array_element('attempts.step_times', 'steps.step_number') }} as reached_at,
            {{ array_element('attempts.step_times', 'coalesce(steps.previous_number, 1)') }} as previous_at,
            attempts.entered_at

        from {{ attempts }} as attempts
        inner join {{ steps }} as steps on
            {%- for column in join_on %}
            attempts.{{ column }} = steps.{{ column }}{{ ' and' if not loop.last }}
            {%- else %} true
            {%- endfor %}

    )

    select
        {%- for column in group_by %}
        {{ column }},
        {%- endfor %}
        step_number,
        step_name,
        previous_number,
        is_optional,
        count(reached_at) as users,
        count(*) as entered_users,
        count(previous_at) as previous_users,
        count(
            case
                when
                    reached_at is null and previous_at is not null
                    and is_matured and not is_optional
                    then 1
            end
        ) as dropped_users,
        count(
            case
                when
                    reached_at is null and previous_at is not null
                    and not is_matured and not is_optional
                    then 1
            end
        ) as pending_users,
        count(case when is_matured then 1 end) as matured_entrants,
        count(case when is_matured then previous_at end) as matured_previous_users,
        count(case when is_matured then reached_at end) as matured_users,
        {%- for name, fraction in {'median': 0.5, 'p25': 0.25, 'p75': 0.75, 'p90': 0.9}.items() %}
        {{ exact_quantile(
            'case when previous_number is not null then ' ~ seconds_between('previous_at', 'reached_at') ~ ' end', fraction
        ) }} as {{ name }}_seconds_from_previous,
        {%- endfor %}
        avg(
            case when previous_number is not null then {{ seconds_between('previous_at', 'reached_at') }} end
        ) as mean_seconds_from_previous,
        {{ exact_quantile(seconds_between('entered_at', 'reached_at'), 0.5) }} as median_seconds_from_start

    from attempt_steps
    group by
        {%- for column in group_by %}
        {{ column }},
        {%- endfor %}
        step_number,
        step_name,
        previous_number,
        is_optional
{%- endmacro %}
