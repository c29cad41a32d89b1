{#
    Attempts at a funnel: one row per actor and entry, with the time of each step reached.

    events: relation with event_id, user_id, event_name, properties, event_time (and
    user_properties where user_where is given).
    steps: list of {name, event, where, optional}; see condition.
    order: `ordered` (other events may come between), `strict` (no other event between),
    `unordered` (step n = n different steps done; any step may open an attempt).
    window_seconds: from the entry, the edge included; none: no limit.
    strictly_increasing: what comes after a step is what comes at a later instant; events
    of its own instant are passed over, excluded ones too.
    exclusions: list of {event, where, from_step, to_step} (steps counted from 1): such an
    event after from_step and before to_step ends the attempt where it stands.
    count_by: what makes an actor; an expression, by default the user.
    where: conditions on every event; user_where: tree of conditions on the user.
    names_entries: false: entry_event_id and entry_properties are not asked for, may be NULL,
    and are not read where the order of the events does not need them.

    Events at one instant stand in step order (the first step that each matches), what
    matches none comes last, then by event_id. A later step is filled by a later event of
    that order, so an event never fills two steps. The next step is always the earliest
    possible event, which reaches the deepest step that the attempt can reach.

    An optional step counts where it was done between the required steps around it; the
    steps after it do not need it. Columns: actor_id (what count_by says), user_id (of the
    entry), entry_event_id, entry_properties, entry_order (rises from an actor's first
    entry to the last), entered_at, step_1_at, ..., ended_by_exclusion.
#}
{% macro funnel(
    events, steps, window_seconds=none, order='ordered', strictly_increasing=false,
    exclusions=[], count_by='user_id', where=[], user_where=none, names_entries=true
) -%}
    {%- do require_one_of('order of a funnel', order, ['ordered', 'strict', 'unordered']) -%}
    {%- do check_funnel_steps(steps, order, exclusions) -%}
    {%- set carried = [] if count_by == 'user_id' and order != 'unordered' else ['user_id'] -%}
    {%- set carried = carried + (['event_id', 'properties'] if names_entries or order == 'unordered' else []) -%}
    with

    step_events as (

        {{ funnel_step_events(events, steps, order, exclusions, count_by, where, user_where, carried) }}

    ),

    {% if order == 'unordered' -%}
    {{ funnel_unordered(steps, window_seconds, strictly_increasing, exclusions) }}
    {%- else -%}
    {{ funnel_in_order(steps, window_seconds, order, strictly_increasing, exclusions, carried) }}
    {%- endif %}
{%- endmacro %}

{% macro check_funnel_steps(steps, order, exclusions) -%}
    {%- if not steps -%}
        {%- do exceptions.raise_compiler_error('funnel: got no steps, at least one is needed') -%}
    {%- endif -%}
    {%- for step in steps -%}
        {%- if step is string or step is not mapping or 'event' not in step -%}
            {%- do exceptions.raise_compiler_error(
                'funnel: step ' ~ loop.index ~ ' is ' ~ step ~ ', each is {name, event, where, optional}'
            ) -%}
        {%- elif step.get('optional') and (order != 'ordered' or loop.first) -%}
            {%- do exceptions.raise_compiler_error(
                'funnel: step ' ~ loop.index ~ ' is optional, which only steps after the first of an '
                ~ 'ordered funnel can be'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for exclusion in exclusions -%}
        {%- if not (1 <= exclusion.from_step < exclusion.to_step <= steps | length) -%}
            {%- do exceptions.raise_compiler_error(
                'funnel: exclusion of ' ~ exclusion.event ~ ' goes from step ' ~ exclusion.from_step ~ ' to '
                ~ exclusion.to_step ~ ', allowed are steps from 1 to ' ~ steps | length ~ ', the first before the second'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}

{#
    Whether events of one actor, instant and first step are all alike to a funnel, so that
    any order of them gives the same attempts: none matches two steps, nothing is excluded,
    and nothing else of an event is asked for.
#}
{% macro are_funnel_events_alike(steps, exclusions, carried) -%}
    {%- set names = steps | map(attribute='event') | select | unique | list -%}
    {{- return(names | length == steps | length and not exclusions and not carried) -}}
{%- endmacro %}

{#
    The events that a funnel looks at, in the order in which it looks at them. carried:
    columns that are handed on beside those that the funnel needs itself.
#}
{% macro funnel_step_events(events, steps, order, exclusions, count_by, where, user_where, carried) -%}
    {%- set by_event_id = not are_funnel_events_alike(steps, exclusions, carried) -%}
    select
        *,
        row_number() over (
            partition by actor_id order by event_time, first_step{{ ', event_id' if by_event_id }}
        ) as position

    from (
        select
            {{ count_by }} as actor_id,
            {%- for column in carried + (['event_id'] if by_event_id and 'event_id' not in carried else []) %}
            {{ column }},
            {%- endfor %}
            event_time,
            {%- for step in steps %}
            {{ condition(step) }} as is_step_{{ loop.index }},
            {%- endfor %}
            {%- for exclusion in exclusions %}
            {{ condition(exclusion) }} as is_exclusion_{{ loop.index }},
            {%- endfor %}
            case
                {%- for step in steps %}
                when {{ condition(step) }} then {{ loop.index }}
                {%- endfor %}
                else {{ steps | length + 1 }}
            end as first_step

        from {{ events }}
        where {{ count_by }} is not null
            {%- if where %}
            and {{ condition({'event': none, 'where': where}) }}
            {%- endif %}
            {%- if user_where %}
            and {{ condition_tree(user_where, 'user_properties') }}
            {%- endif %}
            {%- if order != 'strict' %}
            and (
                {%- for step in steps + exclusions %}
                {{ 'or ' if not loop.first }}({{ condition(step) }})
                {%- endfor %}
            )
            {%- endif %}
    ) as matched_events
{%- endmacro %}

{#
    From the last required step to the first, each event that matches a step learns the
    times of the steps after it: those of the next event that matches the next required
    step, unless an excluded event (or, in strict order, any event) comes first.

    A step looks only at its own events and at those that can decide what comes next: of
    a funnel, most events are of its first step, and the last steps need not pass over them.
#}
{% macro funnel_in_order(steps, window_seconds, order, strictly_increasing, exclusions, carried) -%}
    {%- set required = required_steps(steps) -%}
    {%- set columns = funnel_event_columns(steps, exclusions, carried) -%}
    {%- set no_text = 'cast(null as ' ~ dbt.type_string() | lower ~ ')' -%}
    {%- for number in required | reverse %}
    {%- set next_step = required[required.index(number) + 1] if not loop.first else none -%}
    {%- set kinds = funnel_next_kinds(number, next_step, steps | length, exclusions) -%}
    {%- set deciding = [] if order == 'strict' else funnel_deciding_flags(number, kinds, exclusions) -%}
    {%- set learnt = ['times_' ~ next_step] + (['excluded_' ~ next_step] if exclusions else []) if next_step else [] -%}
    {% if kinds -%}
    around_step_{{ number }} as (

        {% if next_step -%}
        select
            {{ (columns + learnt) | join(',\n            ') }}

        from from_step_{{ next_step }}
        union all
        {% endif -%}
        select
            {{ columns | join(',\n            ') }}
            {%- for name in learnt %},
            {{ no_times() }} as {{ name }}
            {%- endfor %}

        from step_events
        where {{ [
            '(' ~ deciding | join(' or ') ~ ')' if deciding else '',
            'not is_step_' ~ next_step if next_step else '',
        ] | select | join('\n            and ') }}

    ),

    after_step_{{ number }} as (

        select
            *,
            {%- for kind in kinds %}
            {{ funnel_next(kind, number, next_step, order, exclusions) }} as next_{{ kind }}_{{ number }}{{ ',' if not loop.last }}
            {%- endfor %}

        from around_step_{{ number }}

    ),

    {% if strictly_increasing -%}
    {#- What follows the last event of an instant is what follows the instant. #}
    after_instant_{{ number }} as (

        select
            *,
            {%- for kind in kinds %}
            last_value(next_{{ kind }}_{{ number }}) over (
                partition by actor_id, event_time
                order by position
                rows between unbounded preceding and unbounded following
            ) as later_{{ kind }}_{{ number }}{{ ',' if not loop.last }}
            {%- endfor %}

        from after_step_{{ number }}

    ),

    {% endif -%}
    {%- endif -%}
    {%- set prefix = 'later' if strictly_increasing else 'next' -%}
    from_step_{{ number }} as (

        select
            {{ columns | join(',\n            ') }},
            {{ funnel_times_from(kinds, number, prefix) }} as times_{{ number }}
            {%- if exclusions %},
            {{ prefix ~ '_excluded_' ~ number if 'excluded' in kinds else no_times() }} as excluded_{{ number }}
            {%- endif %}

        from {{ ('after_instant_' if strictly_increasing else 'after_step_') ~ number if kinds else 'step_events' }}
        where is_step_{{ number }}

    ),

    {% endfor -%}
    attempts as (

        select
            actor_id,
            {{ 'user_id' if 'user_id' in carried else 'actor_id as user_id' }},
            {{ 'event_id' if 'event_id' in carried else no_text }} as entry_event_id,
            {{ 'properties' if 'properties' in carried else no_text }} as entry_properties,
            position as entry_order,
            event_time as entered_at,
            {%- for step in steps %}
            {{ within_window(array_element('times_1', loop.index), window_seconds) }} as step_{{ loop.index }}_at,
            {%- endfor %}
            {% if exclusions -%}
            {{ within_window(array_element('excluded_1', 1), window_seconds) }} is not null as ended_by_exclusion
            {%- else -%}
            false as ended_by_exclusion
            {%- endif %}

        from from_step_1

    )

    select * from attempts
{%- endmacro %}

{# The columns of funnel_step_events that the steps hand on. #}
{% macro funnel_event_columns(steps, exclusions, carried) -%}
    {%- set columns = ['actor_id'] + carried + ['event_time', 'position'] -%}
    {%- for step in steps -%}
        {%- do columns.append('is_step_' ~ loop.index) -%}
    {%- endfor -%}
    {%- for exclusion in exclusions -%}
        {%- do columns.append('is_exclusion_' ~ loop.index) -%}
    {%- endfor -%}
    {{- return(columns) -}}
{%- endmacro %}

{#
    Of an ordered funnel: which events, besides those of the next required step, decide how
    an attempt goes on after a step. In strict order all do.
#}
{% macro funnel_deciding_flags(number, kinds, exclusions) -%}
    {%- set flags = ['is_step_' ~ number] -%}
    {%- for kind in kinds if kind is number -%}
        {%- do flags.append('is_step_' ~ kind) -%}
    {%- endfor -%}
    {{- return(flags + funnel_active_exclusions(number, exclusions)) -}}
{%- endmacro %}

{# The flags of the exclusions that end an attempt which stands at a step. #}
{% macro funnel_active_exclusions(number, exclusions) -%}
    {%- set flags = [] -%}
    {%- for exclusion in exclusions if exclusion.from_step <= number < exclusion.to_step -%}
        {%- do flags.append('is_exclusion_' ~ (exclusions.index(exclusion) + 1)) -%}
    {%- endfor -%}
    {{- return(flags) -}}
{%- endmacro %}

{# Numbers of the steps that an attempt cannot go on without. #}
{% macro required_steps(steps) -%}
    {%- set required = [] -%}
    {%- for step in steps -%}
        {%- if not step.get('optional') -%}
            {%- do required.append(loop.index) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(required) -}}
{%- endmacro %}

{#
    What an event of a step looks up in the events after it: `times` of the next required
    step and those after it, `excluded` (when an excluded event ends the attempt), and the
    number of each optional step before the next required one.
#}
{% macro funnel_next_kinds(number, next_step, step_count, exclusions) -%}
    {%- set kinds = [] -%}
    {%- for optional in range(number + 1, next_step or step_count + 1) -%}
        {%- do kinds.append(optional) -%}
    {%- endfor -%}
    {%- if next_step -%}
        {%- do kinds.append('times') -%}
        {%- if exclusions -%}
            {%- do kinds.append('excluded') -%}
        {%- endif -%}
    {%- endif -%}
    {{- return(kinds) -}}
{%- endmacro %}

{# The first event after an event that decides, and what it gives: an array of times. #}
{% macro funnel_next(kind, number, next_step, order, exclusions) -%}
    {%- set excluded = funnel_active_exclusions(number, exclusions) -%}
    {%- set decided -%}
        case
            {%- if next_step %}
            when is_step_{{ next_step }} then {{ {
                'times': 'times_' ~ next_step,
                'excluded': 'excluded_' ~ next_step,
            }.get(kind, no_times()) }}
            {%- endif %}
            {%- if excluded %}
            when {{ excluded | join(' or ') }} then {{ array_of(['event_time']) if kind == 'excluded' else no_times() }}
            {%- endif %}
            {%- if kind is number %}
            when is_step_{{ kind }} then {{ array_of(['event_time']) }}
            {%- endif %}
            {%- if order == 'strict' %}
            else {{ no_times() }}
            {%- endif %}
        end
    {%- endset -%}
    coalesce(
        {{ first_known(decided) }} over (
            partition by actor_id
            order by position
            rows between 1 following and {{ '1' if order == 'strict' else 'unbounded' }} following
        ),
        {{ no_times() }}
    )
{%- endmacro %}

{# The times from a step on: its own, those of optional steps, those of the next required. #}
{% macro funnel_times_from(kinds, number, prefix) -%}
    {%- set arrays = [array_of(['event_time'])] -%}
    {%- for kind in kinds if kind is number -%}
        {%- do arrays.append(array_of([array_element(prefix ~ '_' ~ kind ~ '_' ~ number, 1)])) -%}
    {%- endfor -%}
    {%- if 'times' in kinds -%}
        {%- do arrays.append(prefix ~ '_times_' ~ number) -%}
    {%- endif -%}
    {{- concat_arrays(arrays) -}}
{%- endmacro %}

{# A time where it lies within the window of the attempt, else NULL. #}
{% macro within_window(time, window_seconds, entered_at='event_time') -%}
    {%- if window_seconds is none -%}
    {{ time }}
    {%- else -%}
    case
        when {{ seconds_between(entered_at, time) }} <= {{ window_seconds }} then {{ time }}
    end
    {%- endif -%}
{%- endmacro %}

{% macro no_times() -%}
    cast({{ array_of([]) }} as {{ array_type('timestamp') }})
{%- endmacro %}

{#
    One round per step: an attempt goes on with the first later event that matches a step
    it has not done yet, and fills the lowest-numbered of them. Steps are bits of a mask.
#}
{% macro funnel_unordered(steps, window_seconds, strictly_increasing, exclusions) -%}
    matching_events as (

        select
            *,
            {%- for step in steps %}
            {{ '+ ' if not loop.first }}case when is_step_{{ loop.index }} then {{ 2 ** loop.index0 }} else 0 end
            {%- endfor %} as matches

        from step_events

    ),

    round_1 as (

        select
            actor_id,
            user_id,
            event_id as entry_event_id,
            properties as entry_properties,
            event_time as entered_at,
            event_time as step_1_at,
            matches & -matches as filled,
            position as entry_position,
            position,
            cast(null as timestamp) as excluded_at

        from matching_events
        where matches > 0

    ),

    {% for number in range(2, steps | length + 1) -%}
    {%- set excluded = [] -%}
    {%- for flag in funnel_active_exclusions(number - 1, exclusions) -%}
        {%- do excluded.append('candidates.' ~ flag) -%}
    {%- endfor -%}
    next_{{ number }} as (

        select
            attempts.actor_id,
            attempts.entry_position,
            min(
                case
                    when
                        candidates.matches & ~attempts.filled <> 0
                        {%- if strictly_increasing %}
                        and candidates.event_time > attempts.step_{{ number - 1 }}_at
                        {%- endif %}
                        then candidates.position
                end
            ) as step_position,
            min(
                {%- if excluded %}
                case
                    when
                        ({{ excluded | join(' or ') }})
                        {%- if strictly_increasing %}
                        and candidates.event_time > attempts.step_{{ number - 1 }}_at
                        {%- endif %}
                        then candidates.position
                end
                {%- else %}cast(null as bigint){% endif -%}
            ) as exclusion_position

        from round_{{ number - 1 }} as attempts
        inner join matching_events as candidates
            on attempts.actor_id = candidates.actor_id
            and attempts.position < candidates.position
            {%- if window_seconds is not none %}
            and {{ seconds_between('attempts.entered_at', 'candidates.event_time') }} <= {{ window_seconds }}
            {%- endif %}
        where attempts.excluded_at is null
        group by attempts.actor_id, attempts.entry_position

    ),

    round_{{ number }} as (

        select
            attempts.actor_id,
            attempts.user_id,
            attempts.entry_event_id,
            attempts.entry_properties,
            attempts.entered_at,
            {%- for earlier in range(1, number) %}
            attempts.step_{{ earlier }}_at,
            {%- endfor %}
            case when next_events.step_position = events.position then events.event_time end as step_{{ number }}_at,
            case
                when next_events.step_position = events.position
                    then attempts.filled | (
                        (events.matches & ~attempts.filled) & -(events.matches & ~attempts.filled)
                    )
                else attempts.filled
            end as filled,
            attempts.entry_position,
            case when next_events.step_position = events.position then events.position end as position,
            coalesce(
                attempts.excluded_at,
                case when next_events.step_position = events.position then null else events.event_time end
            ) as excluded_at

        from round_{{ number - 1 }} as attempts
        left join next_{{ number }} as next_events
            on attempts.actor_id = next_events.actor_id
            and attempts.entry_position = next_events.entry_position
        left join matching_events as events
            on next_events.actor_id = events.actor_id
            and events.position = case
                when next_events.exclusion_position < next_events.step_position
                    then next_events.exclusion_position
                else coalesce(next_events.step_position, next_events.exclusion_position)
            end

    ),

    {% endfor -%}
    attempts as (

        select
            actor_id,
            user_id,
            entry_event_id,
            entry_properties,
            row_number() over (partition by actor_id order by entered_at, entry_event_id) as entry_order,
            entered_at,
            {%- for step in steps %}
            step_{{ loop.index }}_at,
            {%- endfor %}
            excluded_at is not null as ended_by_exclusion

        from round_{{ steps | length }}

    )

    select * from attempts
{%- endmacro %}
