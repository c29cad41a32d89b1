-- Who enters a funnel is who did its first step (in an unordered one: any step), counted
-- over the events; and every such event is an attempt.

{% for definition in funnel_definitions() if not definition.user_where and definition.count_by == 'user_id' %}
select
    '{{ definition.name | replace("'", "''") }}' as funnel,
    entrants.users,
    attempts.users as attempt_users,
    entrants.events,
    attempts.attempts

from (
    select
        count(distinct user_id) as users,
        count(*) as events

    from {{ ref('fct_events') }}
    where {{ condition({'event': none, 'where': definition.where}) }}
        and (
            {%- for step in (definition.steps if definition.order == 'unordered' else definition.steps[:1]) %}
            {{ 'or ' if not loop.first }}({{ condition(step) }})
            {%- endfor %}
        )
) as entrants
cross join (
    select
        count(case when is_headline then 1 end) as users,
        count(*) as attempts

    from {{ ref('funnel_attempts') }}
    where funnel = '{{ definition.name | replace("'", "''") }}'
) as attempts
where entrants.users <> attempts.users
    or entrants.events <> attempts.attempts
{{ 'union all' if not loop.last }}
{% endfor %}
