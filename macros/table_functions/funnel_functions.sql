{#
    The funnel of macros/metrics/funnel.sql with its steps as data. A macro of dbt can
    write a CTE per step; a function that is given its steps when it is called cannot, and
    walks instead: each event knows the next event of every step and exclusion, and an
    attempt goes from event to event. Both say the same, which tests/conformance and
    tests/python/test_table_functions.py hold them to.
#}
{% macro funnel_attempts_of_function() -%}
    {#- A column each, over one order of the events: a list of any length would need an order
        per selector. Of a call only the branch of the fewest columns that suffice is planned. -#}
    {%- set column_counts = [4, 16] -%}
    {%- set most_selectors = column_counts | last -%}
    {%- set selector_count = 'len(steps) + len(coalesce(exclusions, []))' -%}
    with recursive

    -- Exclusions stand behind the steps in one list: both are events to look out for.
    definition as (

        select
            list_concat(
                funnel_steps_of(steps, step_order), funnel_exclusions_of(exclusions, len(steps))
            ) as selectors,
            list_filter(
                range(1, len(steps) + 1),
                lambda number: not funnel_steps_of(steps, step_order)[number].is_optional
            ) as required_steps,
            conditions_of('event_where', event_where) as conditions,
            first_instant('date_from', date_from) as first_entry_at,
            next_instant('date_to', date_to) as next_entry_at,
            cast(len(steps) as integer) as step_count,
            (1 << least(len(steps), {{ most_selectors }})) - 1 as step_mask

        where
            is_one_of('step_order', step_order, ['ordered', 'strict', 'unordered'])
            and is_actor(count_by)
            and case when {{ selector_count }} > {{ most_selectors }} then error(format(
                'steps: got {} with the exclusions, allowed are at most {{ most_selectors }}',
                {{ selector_count }}
            )) else true end
            and case when within < interval 0 second then error(format(
                'within: got {}, allowed are NULL and an interval of 0 or more', cast(within as varchar)
            )) else true end

    ),

    -- hits: a bit for each step and exclusion that an event matches.
    matched_events as (

        select
            actor_of(count_by, found.user_id, found.session_id, found.properties) as actor_id,
            found.user_id,
            found.event_id,
            case when with_properties then found.properties end as properties,
            found.event_time,
            cast(list_sum(list_transform(
                definition.selectors,
                lambda selector, number: case
                    when is_selected(found.event_name, found.properties, selector)
                        then 1 << cast(number - 1 as integer)
                end
            )) as integer) as hits

        from query_table(source) as found
        cross join definition
        where
            conditions_hold(found.properties, definition.conditions)
            and found.event_time >= definition.first_entry_at
            and (within is null or found.event_time < definition.next_entry_at + within)

    ),

    step_events as materialized (

        select
            matched_events.*,
            row_number() over (
                partition by matched_events.actor_id
                order by
                    matched_events.event_time,
                    {{ first_hit('matched_events.hits & definition.step_mask') }} nulls last,
                    matched_events.event_id
            ) as position

        from matched_events
        cross join definition
        where
            matched_events.actor_id is not null
            and (step_order = 'strict' or matched_events.hits > 0)

    ),

    -- Of each event the next one of every step and exclusion, NULL where there is none. In
    -- strict order only the very next event is one.
    followed_events as (
        {%- for columns in column_counts %}

        select
            step_events.actor_id,
            step_events.position,
            step_events.event_time,
            [
                {%- for number in range(columns) %}
                first_value(
                    case
                        when step_events.hits & {{ 2 ** number }} > 0
                            then struct_pack(position := step_events.position, at := step_events.event_time)
                    end
                    ignore nulls
                ) over after_event{{ ',' if not loop.last }}
                {%- endfor %}
            ] as next_hits

        from step_events
        where
            {{ selector_count }} <= {{ columns }}
            {%- if not loop.first %}
            and {{ selector_count }} > {{ loop.previtem }}
            {%- endif %}
        window
            after_event as (
                partition by step_events.actor_id
                order by step_events.position
                rows between 1 following
                and case when step_order = 'strict' then 1 else {{ 2 ** 62 }} end following
            )
        {{- '\n        union all' if not loop.last }}
        {%- endfor %}

    ),

    next_events as materialized (

        select
            actor_id,
            position,
            -- What follows the last event of an instant is what follows the instant.
            case
                when strictly_increasing then last_value(next_hits) over in_instant
                else next_hits
            end as next_hits

        from followed_events
        window
            in_instant as (
                partition by actor_id, event_time
                order by position
                rows between unbounded preceding and unbounded following
            )

    ),

    -- One row per attempt and step; an attempt's last one is the one that is not open.
    walk as (

        select
            step_events.actor_id,
            step_events.position as entry_position,
            step_events.event_time as entered_at,
            step_events.position as at_position,
            1 as standing,
            [{{ first_hit('step_events.hits') }}] as filled,
            [step_events.event_time] as times,
            false as is_excluded,
            definition.step_count > 1 as is_open

        from step_events
        cross join definition
        where
            case
                when step_order = 'unordered'
                    then step_events.hits & definition.step_mask > 0
                else step_events.hits & 1 > 0
            end
            and step_events.event_time < definition.next_entry_at
        union all
        select
            decided.actor_id,
            decided.entry_position,
            decided.entered_at,
            decided.step_position as at_position,
            cast(
                case when decided.is_reached then decided.step_number else decided.standing end as integer
            ) as standing,
            case when step_order = 'unordered' then list_append(decided.filled, decided.slot) end as filled,
            list_concat(
                decided.times,
                decided.optional_times,
                case when decided.is_reached then [decided.step_at] else [] end
            ) as times,
            decided.is_excluded,
            decided.is_reached and decided.step_number < decided.step_count as is_open

        from (
            select
                candidates.*,
                coalesce(
                    candidates.step_position <= candidates.exclusion_position
                    and candidates.step_at <= candidates.last_at,
                    false
                ) as is_reached,
                candidates.step_number is not null
                and coalesce(candidates.exclusion_at <= candidates.last_at, false)
                and coalesce(candidates.exclusion_position < candidates.step_position, true) as is_excluded,
                case
                    when step_order = 'unordered' then []
                    else list_transform(
                        range(candidates.standing + 1, coalesce(candidates.step_number, candidates.step_count + 1)),
                        lambda number: case
                            when
                                candidates.next_hits[number].position < candidates.exclusion_position
                                and coalesce(candidates.next_hits[number].position < candidates.step_position, true)
                                and candidates.next_hits[number].at <= candidates.last_at
                                then candidates.next_hits[number].at
                        end
                    )
                end as optional_times

            from (
                select
                    reachable.*,
                    case
                        when step_order = 'unordered' then list_min(reachable.open_positions)
                        else reachable.next_hits[reachable.step_number].position
                    end as step_position,
                    case
                        when step_order = 'unordered'
                            then list_position(reachable.open_positions, list_min(reachable.open_positions))
                    end as slot,
                    case
                        when step_order = 'unordered'
                            then reachable.next_hits[
                                list_position(reachable.open_positions, list_min(reachable.open_positions))
                            ].at
                        else reachable.next_hits[reachable.step_number].at
                    end as step_at,
                    coalesce(
                        list_min(list_transform(
                            reachable.active_exclusions, lambda number: reachable.next_hits[number].position
                        )),
                        9223372036854775807
                    ) as exclusion_position,
                    list_min(list_transform(
                        reachable.active_exclusions, lambda number: reachable.next_hits[number].at
                    )) as exclusion_at

                from (
                    select
                        walk.actor_id,
                        walk.entry_position,
                        walk.entered_at,
                        walk.standing,
                        walk.filled,
                        walk.times,
                        definition.step_count,
                        next_events.next_hits,
                        coalesce(walk.entered_at + within, timestamp 'infinity') as last_at,
                        case
                            when step_order = 'unordered' then walk.standing + 1
                            else list_filter(
                                definition.required_steps, lambda number: number > walk.standing
                            )[1]
                        end as step_number,
                        case
                            when step_order = 'unordered'
                                then list_transform(
                                    next_events.next_hits[1:definition.step_count],
                                    lambda next_hit, number: case
                                        when not list_contains(walk.filled, number) then next_hit.position
                                    end
                                )
                        end as open_positions,
                        list_filter(
                            range(definition.step_count + 1, len(definition.selectors) + 1),
                            lambda number: walk.standing between
                                definition.selectors[number].from_step
                                and definition.selectors[number].to_step - 1
                        ) as active_exclusions

                    from walk
                    inner join next_events
                        on walk.actor_id = next_events.actor_id
                        and walk.at_position = next_events.position
                    cross join definition
                    where walk.is_open
                ) as reachable
            ) as candidates
        ) as decided

    )

    select
        walk.actor_id,
        step_events.user_id,
        step_events.event_id as entry_event_id,
        step_events.properties as entry_properties,
        row_number() over (
            partition by walk.actor_id order by walk.entered_at, step_events.event_id
        ) as attempt_number,
        cast(walk.standing as bigint) as deepest_step,
        list_resize(walk.times, definition.step_count) as step_times,
        row_number() over (
            partition by walk.actor_id
            order by walk.standing desc, walk.entered_at, step_events.event_id
        ) = 1 as is_headline,
        row_number() over (
            partition by walk.actor_id order by walk.entered_at, step_events.event_id
        ) = 1 as is_first,
        within is null or walk.entered_at + within <= build_info.data_end as is_matured,
        len(list_distinct(walk.times)) < list_count(walk.times) as had_tie,
        walk.is_excluded as ended_by_exclusion,
        {{ local_date('walk.entered_at') }} as entry_date,
        walk.entered_at

    from walk
    inner join step_events
        on walk.actor_id = step_events.actor_id
        and walk.entry_position = step_events.position
    cross join definition
    cross join build_info
    where not walk.is_open
{%- endmacro %}

{# The number of the first step or exclusion among hits; NULL: of none. #}
{% macro first_hit(hits) -%}
    cast(log2(nullif(({{ hits }}) & -({{ hits }}), 0)) as bigint) + 1
{%- endmacro %}

{# The attempt that each actor counts by, in the slice that it counts in. #}
{% macro funnel_users_function() -%}
    with

    slicing as (

        select
            coalesce(segment, 'all') as segment_name,
            breakdown as property_name

        where
            case
                when segment is not null and breakdown is not null
                    then error(format(
                        'breakdown: got ''{}'' and segment ''{}'', allowed is one of them', breakdown, segment
                    ))
                else true
            end

    ),

    attempts as (

        select headline.*
        from funnel_attempts_of(
            steps,
            within,
            step_order := step_order,
            date_from := date_from,
            date_to := date_to,
            exclusions := exclusions,
            strictly_increasing := strictly_increasing,
            count_by := count_by,
            event_where := event_where,
            source := source,
            with_properties := breakdown is not null
        ) as headline
        where headline.is_headline

    )

    select
        attempts.* exclude (is_headline, is_first),
        coalesce(slicing.property_name, slicing.segment_name) as segment,
        case
            when slicing.property_name is not null
                then coalesce(property_of(attempts.entry_properties, slicing.property_name), '(not set)')
            when slicing.segment_name = 'all' then 'all'
            else user_slices.segment_value
        end as segment_value

    from attempts
    cross join slicing
    left join user_segment_values as user_slices
        on attempts.user_id = user_slices.user_id
        and slicing.segment_name = user_slices.segment
    where
        slicing.property_name is not null
        or slicing.segment_name = 'all'
        or user_slices.user_id is not null
    union all by name
    {{ unknown_segment('segment') }}
{%- endmacro %}

{# The columns of the mart funnel_steps, counted by the macro that the mart calls. #}
{% macro funnel_function() -%}
    with

    attempts as (

        select
            headline.segment as slice,
            headline.segment_value as slice_value,
            headline.*

        from funnel_users(
            steps,
            within,
            step_order := step_order,
            segment := segment,
            breakdown := breakdown,
            date_from := date_from,
            date_to := date_to,
            exclusions := exclusions,
            strictly_increasing := strictly_increasing,
            count_by := count_by,
            event_where := event_where,
            source := source
        ) as headline

    ),

    step_list as (

        select
            numbered.step_number,
            numbered.step.name as step_name,
            numbered.step.is_optional,
            {{ previous_required_step('numbered.step_number', 'numbered.step.is_optional') }} as previous_number

        from (
            select
                unnest(funnel_steps_of(steps, step_order)) as step,
                unnest(range(1, len(steps) + 1)) as step_number
        ) as numbered

    ),

    counted as (

        {{ funnel_step_counts('attempts', 'step_list', ['slice', 'slice_value']) | indent(8) }}

    ),

    slices as (

        select
            attempts.slice,
            attempts.slice_value

        from attempts
        group by attempts.slice, attempts.slice_value
        union
        select
            'all' as slice,
            'all' as slice_value

        where coalesce(segment, 'all') = 'all' and breakdown is null
        union
        {{ unknown_segment('segment', ['slice', 'slice_value']) | indent(8) }}

    )

    select
        slices.slice as segment,
        slices.slice_value as segment_value,
        step_list.step_number,
        step_list.step_name,
        {{ funnel_step_columns('counted') }},
        step_list.is_optional

    from slices
    cross join step_list
    left join counted
        on slices.slice = counted.slice
        and slices.slice_value = counted.slice_value
        and step_list.step_number = counted.step_number
    order by slices.slice, slices.slice_value, step_list.step_number
{%- endmacro %}

{# The number of the required step before a step, of a list of steps. #}
{% macro previous_required_step(step_number, is_optional) -%}
    max(case when not {{ is_optional }} then {{ step_number }} end) over (
        order by {{ step_number }}
        rows between unbounded preceding and 1 preceding
    )
{%- endmacro %}

{# The columns of the mart funnel_steps, of what funnel_step_counts gives; NULL counts are 0. #}
{% macro funnel_step_columns(counted) -%}
    coalesce({{ counted }}.users, 0) as users,
    {{ safe_divide(counted ~ '.users', counted ~ '.entered_users') }} as conversion_from_start,
    {{ safe_divide(counted ~ '.users', counted ~ '.previous_users') }} as conversion_from_previous,
    {%- for column in ['dropped_users', 'pending_users', 'matured_entrants', 'matured_users'] %}
    coalesce({{ counted }}.{{ column }}, 0) as {{ column }},
    {%- endfor %}
    {{ safe_divide(counted ~ '.matured_users', counted ~ '.matured_entrants') }} as matured_conversion,
    {{ wilson_interval(counted ~ '.matured_users', counted ~ '.matured_entrants', 'low') }} as ci_low,
    {{ wilson_interval(counted ~ '.matured_users', counted ~ '.matured_entrants', 'high') }} as ci_high,
    {%- for column in ['median', 'p25', 'p75', 'p90', 'mean'] %}
    {{ counted }}.{{ column }}_seconds_from_previous,
    {%- endfor %}
    {{ counted }}.median_seconds_from_start
{%- endmacro %}
