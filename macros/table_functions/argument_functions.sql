{#
    Scalar macros of the published file that the table functions read their arguments with:
    {name(parameters): SQL of the body}. A wrong argument is an error that names it, says
    what was given and what is allowed.
#}
{% macro argument_functions() -%}
    {{- return({
        'is_one_of(argument, given, allowed)': is_one_of_body(),
        'property_of(properties, name)': "json_extract_string(properties, '$.\"' || name || '\"')",
        'object_of(given)': object_of_body(),
        'checked_json(argument, given, keys)': checked_json_body(),
        'conditions_of(argument, given)': conditions_of_body(),
        'selector_of(argument, given, more_keys)': selector_of_body(),
        'funnel_steps_of(given, step_order)': funnel_steps_of_body(),
        'funnel_exclusions_of(given, step_count)': funnel_exclusions_of_body(),
        'condition_holds(properties, wanted)': condition_holds_body(),
        'conditions_hold(properties, wanted)': conditions_hold_body(),
        'is_selected(event_name, properties, wanted)': is_selected_body(),
        'is_actor(count_by)': is_actor_body(),
        'actor_of(count_by, user_id, session_id, properties)': actor_of_body(),
        'instant_of(argument, given)': instant_of_body(),
        'first_instant(argument, given)': first_instant_body(),
        'next_instant(argument, given)': next_instant_body(),
    }) -}}
{%- endmacro %}

{% macro is_one_of_body() -%}
    case
        when coalesce(list_contains(allowed, given), false) then true
        else error(format(
            '{}: got {}, allowed are: {}',
            argument,
            coalesce('''' || cast(given as varchar) || '''', 'NULL'),
            array_to_string(allowed, ', ')
        ))
    end
{%- endmacro %}

{% macro object_of_body() -%}
    case
        when json_valid(given) and json_type(given) = 'OBJECT' then cast(given as json)
        else json '{}'
    end
{%- endmacro %}

{#
    A JSON object that has no other keys than those. object_of stands for what is none, as
    the branches of a case are evaluated early where they are constant.
#}
{% macro checked_json_body() -%}
    case
        when not json_valid(given)
            then error(format('{}: got {}, which is not valid JSON', argument, given))
        when cast(object_of(given) as varchar) = '{}'
            then error(format('{}: got {}, allowed is an object of JSON', argument, given))
        when len(list_filter(json_keys(object_of(given)), lambda found: not list_contains(keys, found))) > 0
            then error(format(
                '{}: got {}, allowed keys are: {}', argument, given, array_to_string(keys, ', ')
            ))
        else object_of(given)
    end
{%- endmacro %}

{# JSON text of a list of {property, op, value} as a list of structs; NULL: none. #}
{% macro conditions_of_body() -%}
    case
        when given is null then []
        when not json_valid(given) or json_type(given) <> 'ARRAY'
            then error(format(
                '{}: got {}, allowed is JSON of a list of {}', argument, given, '{property, op, value}'
            ))
        else list_transform(
            cast(case when json_valid(given) then cast(given as json) else json '[]' end as json[]),
            lambda part: struct_pack(
                property := coalesce(
                    json_extract_string(checked_json(argument, part, ['property', 'op', 'value']), '$.property'),
                    error(format('{}: got {}, a condition needs a property', argument, part))
                ),
                op := case
                    when is_one_of(
                        argument || ', op',
                        coalesce(json_extract_string(part, '$.op'), 'eq'),
                        ['eq', 'neq', 'is_set', 'icontains', 'not_icontains']
                    ) then coalesce(json_extract_string(part, '$.op'), 'eq')
                end,
                value := case
                    when json_extract_string(part, '$.op') = 'is_set' then null
                    else coalesce(
                        json_extract_string(part, '$.value'),
                        error(format('{}: got {}, a condition needs a value', argument, part))
                    )
                end
            )
        )
    end
{%- endmacro %}

{#
    An event name, or a JSON text {event, where}, as a struct; its event is NULL for any
    event. All that has no number of steps has NULL there.
#}
{% macro selector_of_body() -%}
    case
        when given is null or given = ''
            then error(format(
                '{}: got {}, allowed are an event name and JSON of {}',
                argument,
                case when given = '' then 'an empty text' else 'NULL' end,
                '{event, where}'
            ))
        when left(ltrim(given), 1) <> '{'
            then struct_pack(
                name := given,
                event := given,
                conditions := cast([] as struct(property varchar, op varchar, value varchar)[]),
                is_optional := false,
                from_step := cast(null as integer),
                to_step := cast(null as integer)
            )
        when not json_exists(checked_json(argument, given, list_concat(['event', 'where'], more_keys)), '$.event')
            then error(format(
                '{}: got {}, which has no event; "event": null is any event', argument, given
            ))
        else struct_pack(
            name := coalesce(
                json_extract_string(object_of(given), '$.name'),
                json_extract_string(object_of(given), '$.event'),
                'any event'
            ),
            event := json_extract_string(object_of(given), '$.event'),
            conditions := conditions_of(argument, cast(json_extract(object_of(given), '$.where') as varchar)),
            is_optional := coalesce(cast(json_extract(object_of(given), '$.optional') as boolean), false),
            from_step := cast(json_extract(object_of(given), '$.from_step') as integer),
            to_step := cast(json_extract(object_of(given), '$.to_step') as integer)
        )
    end
{%- endmacro %}

{# The steps of a funnel, with the checks of the macro funnel. #}
{% macro funnel_steps_of_body() -%}
    case
        when coalesce(len(given), 0) = 0
            then error('steps: got no steps, allowed is a list of event names and JSON of {event, where, optional}')
        else list_transform(
            cast(given as varchar[]),
            lambda step, number: case
                when
                    selector_of('steps', step, ['name', 'optional']).is_optional
                    and (step_order <> 'ordered' or number = 1)
                    then error(format(
                        'steps: step {} is optional, which only steps after the first of an ordered funnel can be',
                        number
                    ))
                else selector_of('steps', step, ['name', 'optional'])
            end
        )
    end
{%- endmacro %}

{% macro funnel_exclusions_of_body() -%}
    list_transform(
        cast(coalesce(given, []) as varchar[]),
        lambda exclusion: case
            when
                left(ltrim(exclusion), 1) = '{'
                and coalesce(
                    selector_of('exclusions', exclusion, ['from_step', 'to_step']).from_step between 1
                    and selector_of('exclusions', exclusion, ['from_step', 'to_step']).to_step - 1
                    and selector_of('exclusions', exclusion, ['from_step', 'to_step']).to_step <= step_count,
                    false
                )
                then selector_of('exclusions', exclusion, ['from_step', 'to_step'])
            else error(format(
                'exclusions: got {}, each is JSON of {} with steps from 1 to {}, the first before the second',
                exclusion,
                '{event, where, from_step, to_step}',
                step_count
            ))
        end
    )
{%- endmacro %}

{# What the macro condition says of one condition. #}
{% macro condition_holds_body() -%}
    case wanted.op
        when 'eq' then coalesce(property_of(properties, wanted.property) = wanted.value, false)
        when 'neq' then coalesce(property_of(properties, wanted.property) <> wanted.value, true)
        when 'is_set' then property_of(properties, wanted.property) is not null
        when 'icontains'
            then coalesce(contains(lower(property_of(properties, wanted.property)), lower(wanted.value)), false)
        else coalesce(not contains(lower(property_of(properties, wanted.property)), lower(wanted.value)), true)
    end
{%- endmacro %}

{% macro conditions_hold_body() -%}
    coalesce(
        list_bool_and(list_transform(wanted, lambda part: condition_holds(properties, part))), true
    )
{%- endmacro %}

{% macro is_selected_body() -%}
    (wanted.event is null or wanted.event = event_name)
    and conditions_hold(properties, wanted.conditions)
{%- endmacro %}

{# Who counts once: the user, the session, or the value of a property. #}
{% macro is_actor_body() -%}
    case
        when left(ltrim(count_by), 1) = '{'
            then
                json_extract_string(checked_json('count_by', count_by, ['property']), '$.property')
                is not null
        else is_one_of('count_by', count_by, ['user', 'session', '{"property": ...}'])
    end
{%- endmacro %}

{% macro actor_of_body() -%}
    case
        when count_by = 'session' then user_id || ' ' || session_id
        when count_by = 'user' then user_id
        else property_of(properties, json_extract_string(object_of(count_by), '$.property'))
    end
{%- endmacro %}

{#
    The UTC instant of a day or time in the reporting timezone; a time that has a zone of
    its own is an instant already.
#}
{% macro instant_of_body() -%}
    {%- set text = "replace(cast(given as varchar), 'T', ' ')" -%}
    case
        when typeof(given) = 'TIMESTAMP WITH TIME ZONE'
            then timezone('UTC', try_cast(given as timestamptz))
        when not regexp_full_match(
            {{ text }}, '[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?)?'
        )
            then error(format(
                '{}: got ''{}'', allowed are a day (YYYY-MM-DD) and a time (YYYY-MM-DD HH:MM:SS)',
                argument,
                cast(given as varchar)
            ))
        else {% if var('reporting_timezone') == 'UTC' -%}
        cast({{ text }} as timestamp)
        {%- else -%}
        {{ utc_time('cast(' ~ text ~ ' as timestamp)') }}
        {%- endif %}
    end
{%- endmacro %}

{# From when on a range counts; without a limit from ever. #}
{% macro first_instant_body() -%}
    coalesce(instant_of(argument, given), timestamp '-infinity')
{%- endmacro %}

{# The first instant that a range no longer counts: after a day that is all of the day. #}
{% macro next_instant_body() -%}
    coalesce(
        case
            when length(cast(given as varchar)) = 10
                then instant_of(argument, cast(cast(given as date) + 1 as varchar))
            else instant_of(argument, given) + interval 1 microsecond
        end,
        timestamp 'infinity'
    )
{%- endmacro %}
