{#
    The users behind the numbers of marts, as table functions: who was active, who was in a
    state of the lifecycle, who came back. They read the events of the days asked about.
    segment and segment_values are those of mart_functions.sql; a user has one row.
#}
{% macro active_users_in_function() -%}
    with

    active as not materialized (

        select
            found.user_id,
            count(*) as events,
            count(distinct found.event_date) as active_days,
            min(found.event_time) as first_event_at,
            max(found.event_time) as last_event_at

        from events as found
        where
            found.is_activity
            and {{ is_in_range('found.event_date') }}
        group by found.user_id

    ),

    {{ chosen_of('active', 'false') }}

    select chosen.* exclude (slice_value)
    from chosen
    order by chosen.user_id
{%- endmacro %}

{% macro lifecycle_users_in_function() -%}
    with

    bounds as (

        select
            {{ given_period_start('cast(period_start as date)') }} as this_start,
            {{ given_period_start(add_days(given_period_start('cast(period_start as date)'), -1)) }} as previous_start,
            {{ given_periods_after(given_period_start('cast(period_start as date)'), 1) }} as next_start

        where is_one_of('state', state, ['new', 'returning', 'resurrected', 'dormant'])

    ),

    neighbours as (

        select
            found.user_id,
            bool_or(found.event_date >= bounds.this_start) as is_active,
            bool_or(found.event_date < bounds.this_start) as was_active

        from events as found
        cross join bounds
        where
            found.is_activity
            and found.event_date >= bounds.previous_start
            and found.event_date < bounds.next_start
        group by found.user_id

    ),

    in_state as not materialized (

        select
            neighbours.user_id,
            profiles.first_active_date,
            profiles.last_active_date

        from neighbours
        cross join bounds
        inner join user_profiles as profiles on neighbours.user_id = profiles.user_id
        where
            case state
                when 'dormant' then not neighbours.is_active
                when 'returning' then neighbours.is_active and neighbours.was_active
                when 'new' then neighbours.is_active and profiles.first_active_date >= bounds.this_start
                else
                    neighbours.is_active
                    and not neighbours.was_active
                    and profiles.first_active_date < bounds.this_start
            end

    ),

    {{ chosen_of('in_state', 'false') }}

    select chosen.* exclude (slice_value)
    from chosen
    order by chosen.user_id
{%- endmacro %}

{# Users who signed up in the periods of the range, which are those of activation_in. #}
{% macro activation_users_in_function() -%}
    with

    sign_ups as not materialized (

        select mart.*
        from activation as mart
        where {{ is_period_in_range(given_period_start(local_date('mart.signed_up_at'))) }}

    ),

    {{ chosen_of('sign_ups', 'false') }}

    select chosen.* exclude (slice_value)
    from chosen
    order by chosen.user_id
{%- endmacro %}

{# Members of the cohorts in the range, and whether each was retained in the period. #}
{% macro retention_users_in_function() -%}
    {%- set is_elapsed = convention('window_basis') == 'elapsed' -%}
    with

    members as not materialized (

        select
            profiles.user_id,
            {{ given_period_start('profiles.cohort_date') }} as cohort_start,
            profiles.cohort_date,
            profiles.cohort_at

        from user_profiles as profiles
        where
            profiles.cohort_date is not null
            and is_one_of('retained', retained, ['on', 'on_or_after'])

    ),

    {{ chosen_of('members', 'false') }},

    asked_members as (

        select
            chosen.*,
            {{ given_periods_after('chosen.cohort_start', 'period_number') }} as first_date,
            {{ given_periods_after('chosen.cohort_start', 'period_number + 1') }} as next_date,
            cells.{{ is_complete_on('calendar') }} as is_complete_on_calendar,
            cells.{{ is_complete_on('elapsed') }} as is_complete_elapsed

        from chosen
        inner join cohort_retention as cells
            on chosen.cohort_start = cells.cohort_start
        where
            cells.period = period
            and cells.period_number = period_number
            and cells.segment = 'all'
            and {{ is_period_in_range('chosen.cohort_start') }}

    ),

    returns as (

        select
            asked_members.user_id,
            min(found.event_time) as returned_at

        from asked_members
        inner join events as found on asked_members.user_id = found.user_id
        where
            found.is_activity
            and found.event_date >= (select min(asked_members.cohort_start) from asked_members)
            and case
                when retained = 'on_or_after' then found.event_date >= asked_members.first_date
                {%- if is_elapsed %}
                else
                    found.event_time >= asked_members.cohort_at
                    and case period
                        {%- for period in ['day', 'week', 'month'] %}
                        when '{{ period }}'
                            then {{ elapsed_periods('asked_members.cohort_at', 'found.event_time', period) }}
                        {%- endfor %}
                    end = period_number
                {%- else %}
                else found.event_date >= asked_members.first_date and found.event_date < asked_members.next_date
                {%- endif %}
            end
        group by asked_members.user_id

    )

    select
        asked_members.user_id,
        returns.user_id is not null as is_retained,
        {%- if is_elapsed %}
        case
            when retained = 'on' then asked_members.is_complete_elapsed
            else asked_members.is_complete_on_calendar
        end as is_complete,
        {%- else %}
        asked_members.is_complete_on_calendar as is_complete,
        {%- endif %}
        asked_members.cohort_date,
        returns.returned_at

    from asked_members
    left join returns on asked_members.user_id = returns.user_id
    order by asked_members.cohort_date, asked_members.user_id
{%- endmacro %}

{# The start of a period some periods later, of the length that the parameter period names. #}
{% macro given_periods_after(start, count) -%}
    case period
        {%- for period in ['day', 'week', 'month'] %}
        when '{{ period }}' then {{ add_periods(period, start, count) }}
        {%- endfor %}
    end
{%- endmacro %}

{#
    Users who went from one event to another within a session, as path_transitions counts
    them: the events by its names, in the sessions that began in the months of the range.
    from_step: NULL is any.
#}
{% macro path_users_in_function() -%}
    with

    names as (

        select
            list(distinct mart.from_event) as known_from,
            list(distinct mart.to_event) as known_to

        from path_transitions as mart

    ),

    named_events as (

        select
            found.event_id,
            found.user_id,
            found.session_id,
            case
                when list_contains(names.known_to, found.event_name) then found.event_name
                else '(other)'
            end as node,
            found.event_time

        from events as found
        cross join names
        where
            found.is_activity
            and is_one_of('from_event', from_event, names.known_from)
            and is_one_of('to_event', to_event, names.known_to)

    ),

    -- A transition has at least one event that is none of the ways in and out.
    asked_sessions as (

        select distinct
            named_events.user_id,
            named_events.session_id

        from named_events
        where named_events.node in (from_event, to_event)

    ),

    session_events as (

        select asked.*
        from named_events as asked
        inner join asked_sessions
            on asked.user_id = asked_sessions.user_id
            and asked.session_id = asked_sessions.session_id

    ),

    session_months as (

        select
            started.user_id,
            started.session_id,
            {{ period_start('month', local_date('min(started.event_time)')) }} as period_start

        from session_events as started
        group by started.user_id, started.session_id

    ),

    edges as (

        {{ path_edges('session_events', node='node', max_steps=paths_definition().max_steps) | indent(8) }}

    ),

    went as not materialized (

        select
            edges.user_id,
            count(*) as transitions

        from edges
        inner join session_months
            on edges.user_id = session_months.user_id
            and edges.path_id = session_months.session_id
        where
            edges.from_node = from_event
            and edges.to_node = to_event
            and (from_step is null or edges.from_step = from_step)
            and (
                date_from is null
                or session_months.period_start >= {{ period_start('month', 'cast(date_from as date)') }}
            )
            and (date_to is null or session_months.period_start <= cast(date_to as date))
        group by edges.user_id

    ),

    {{ chosen_of('went', 'false') }}

    select chosen.* exclude (slice_value)
    from chosen
    order by chosen.user_id
{%- endmacro %}
