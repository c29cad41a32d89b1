{#
    Attempts at a funnel, one row per user and step-1 event: when each step was reached.

    events: relation with event_id, user_id, event_name, properties, event_time.
    steps: list of {name, event, where}; see macros/metrics/condition.sql for where.
    window_seconds: how long after step 1 a later step counts, the edge included.

    Events at one instant stand in step order (the first step that each matches), then by
    event_id. A later step is filled by a later event of that order, so an event never
    fills two steps. The next step is always the earliest possible event, which reaches
    the deepest step that the attempt can reach within the window.
#}
{% macro funnel(events, steps, window_seconds) -%}
    {%- set last = steps | length -%}
    {%- for step in steps -%}
        {%- if step is string or not step.get('name') or 'event' not in step -%}
            {%- do exceptions.raise_compiler_error(
                'funnel: step ' ~ loop.index ~ ' is ' ~ step ~ ', each is {name, event, where}'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set in_order -%}
        partition by user_id
            order by event_time, first_step, event_id
            rows between 1 following and unbounded following
    {%- endset -%}
    select
        user_id,
        event_id as entry_event_id,
        event_time as entered_at,
        {%- for number in range(1, last + 1) %}
        {{ 'event_time' if number == 1 else
            'case when ' ~ seconds_between('event_time', array_element('times_1', number)) ~ ' <= ' ~ window_seconds
            ~ ' then ' ~ array_element('times_1', number) ~ ' end' }} as step_{{ number }}_at{{ ',' if not loop.last }}
        {%- endfor %}

    from (
    {#- From the last step to the first, each event that matches step k learns the times
        of the steps after it: those of the next event that matches step k + 1. #}
    {%- for number in range(1, last) %}
        select
            *,
            case
                when is_step_{{ number }}
                    then {{ prepend(
                        'event_time',
                        first_known('case when is_step_' ~ (number + 1) ~ ' then times_' ~ (number + 1) ~ ' end')
                        ~ ' over (' ~ in_order ~ ')'
                    ) }}
            end as times_{{ number }}

        from (
    {%- endfor %}
            select
                *,
                case when is_step_{{ last }} then {{ array_of(['event_time']) }} end as times_{{ last }}

            from (
                select
                    event_id,
                    user_id,
                    event_time,
                    {%- for step in steps %}
                    {{ condition(step) }} as is_step_{{ loop.index }},
                    {%- endfor %}
                    case
                        {%- for step in steps %}
                        when {{ condition(step) }} then {{ loop.index }}
                        {%- endfor %}
                    end as first_step

                from {{ events }}
                where
                {%- for step in steps %}
                    {{ 'or ' if not loop.first }}({{ condition(step) }})
                {%- endfor %}
            ) as step_events
    {%- for number in range(1, last) %}
        ) as events_from_step_{{ last - loop.index0 }}
    {%- endfor %}
    ) as events_from_step_1
    where is_step_1
{%- endmacro %}
