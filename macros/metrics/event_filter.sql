{#
    The events that a metric looks at, as a condition. event: a name, a selector {event,
    where}, or none for any event; where: conditions on the event's properties;
    user_where: a condition or a tree of {and: []} and {or: []} on user_properties.
#}
{% macro event_filter(event=none, where=none, user_where=none) -%}
    {%- set selector = event if event is mapping else {'event': event} -%}
    {%- for key in selector if key not in ['event', 'where', 'user_where', 'name'] -%}
        {%- do exceptions.raise_compiler_error(
            "event: got the key '" ~ key ~ "', allowed are: event, where, user_where"
        ) -%}
    {%- endfor -%}
    {%- set conditions = [] -%}
    {%- set own = condition({
        'event': selector.get('event'),
        'where': (selector.get('where') or []) + (where or []),
    }) -%}
    {%- if own != 'true' -%}
        {%- do conditions.append(own) -%}
    {%- endif -%}
    {%- for tree in [selector.get('user_where'), user_where] if tree -%}
        {%- do conditions.append(condition_tree({'and': tree} if tree is not mapping else tree, 'user_properties')) -%}
    {%- endfor -%}
    {{- return(conditions | join(' and ') if conditions else 'true') -}}
{%- endmacro %}

{# Users in one slice, `all`: what a metric of events without segments is sliced by. #}
{% macro everyone(events) -%}
    select
        user_id,
        'all' as segment,
        'all' as segment_value

    from {{ events }}
    group by user_id
{%- endmacro %}

{#
    The events that pass event_filter, all columns. event_not: a name or a list of names
    that are left out.
#}
{% macro matching_events(events, event=none, event_not=none, where=none, user_where=none) -%}
    select *
    from {{ events }}
    where
        {{ event_filter(event, where, user_where) }}
        {%- for name in ([event_not] if event_not is string else event_not or []) %}
        and event_name <> {{ text_literal(name) }}
        {%- endfor %}
{%- endmacro %}

{#
    An expression from how a caller says it: {property: name} is a property of the event,
    a text is SQL (a column, an expression).
#}
{% macro event_expression(given) -%}
    {%- if given is mapping -%}
        {%- if given.keys() | list != ['property'] -%}
            {%- do exceptions.raise_compiler_error(
                'expression: got ' ~ given ~ ', allowed are SQL or {property: name}'
            ) -%}
        {%- endif -%}
        {{- return(property(given.property)) -}}
    {%- endif -%}
    {{- return(given) -}}
{%- endmacro %}
