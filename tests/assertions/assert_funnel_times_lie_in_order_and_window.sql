-- Steps come in order and within the window of their attempt; step_times is as long as the
-- attempt is deep; each user has one headline and one first attempt per funnel.

{% set windows = {} %}
{% for definition in funnel_definitions() %}
{% do windows.update({definition.name: definition.window_seconds}) %}
{% endfor %}

with

attempts as (

    select
        *,
        {{ array_element('step_times', 'cast(deepest_step as integer)') }} as last_step_at,
        case funnel
            {%- for name, seconds in windows.items() %}
            when '{{ name | replace("'", "''") }}' then {{ seconds }}
            {%- endfor %}
        end as window_seconds,
        sum(case when is_headline then 1 else 0 end) over (
            partition by funnel, user_id
        ) as headline_attempts,
        max(deepest_step) over (partition by funnel, user_id) as deepest_of_user

    from {{ ref('funnel_attempts') }}

)

select *
from attempts
where last_step_at < entered_at
    or {{ seconds_between('entered_at', 'last_step_at') }} > window_seconds
    or last_step_at is null
    or headline_attempts <> 1
    or (is_headline and deepest_step < deepest_of_user)
