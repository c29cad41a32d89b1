{#
    Creates in the published file what any SQL client can ask without dbt: funnel,
    retention and the other metrics as table functions (docs/ad_hoc_queries.md). They read
    the file's events, user_segment_values and build_info and nothing else, and are made
    of the macros that the marts call wherever a list of arguments is not what differs.

    Each of them is a file of this folder. Names in them are looked up where a client
    stands, so that a file of any name works; hence `use` while they are created.
#}
{% macro create_table_functions(database) -%}
    {%- set home = run_query('select current_catalog() || \'.\' || current_schema()').rows[0][0] -%}
    {%- do run_query('use ' ~ database ~ '.main') -%}
    {%- for statement in table_function_statements() -%}
        {%- do run_query(statement) -%}
    {%- endfor -%}
    {%- do run_query('use ' ~ home) -%}
{%- endmacro %}

{# The statements, in an order in which each finds what it calls; a JSON list as text. #}
{% macro table_function_statements() -%}
    {%- set statements = [] -%}
    {%- for functions in [metric_functions(), argument_functions()] -%}
        {%- for signature, body in functions.items() -%}
            {%- do statements.append('create or replace macro ' ~ signature ~ ' as ' ~ body) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- for definition in table_functions() -%}
        {%- do statements.append(
            'create or replace macro ' ~ definition.name ~ '(' ~ definition.parameters | join(', ')
            ~ ') as table ' ~ definition.body
        ) -%}
        {%- if definition.description -%}
            {%- do statements.append(
                'comment on macro table ' ~ definition.name ~ ' is ' ~ text_literal(definition.description)
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(statements) -}}
{%- endmacro %}

{# For readers outside dbt, see tests/conformance/render.py. #}
{% macro table_function_script() -%}
    {{- return(tojson(table_function_statements())) -}}
{%- endmacro %}

{% macro table_functions() -%}
    {%- set funnel_filters = [
        'date_from := null', 'date_to := null', 'exclusions := []', 'strictly_increasing := false',
        "count_by := 'user'", 'event_where := null', "source := 'events'",
    ] -%}
    {%- set funnel_arguments = ['steps', 'within := interval 14 day', "step_order := 'ordered'"] -%}
    {%- set cohorts = ['target', 'returning_event', 'period', 'kind'] -%}
    {%- set cohort_defaults = [
        'target := null', 'returning_event := null', "period := 'week'", "kind := 'first_time'",
    ] -%}
    {%- set range_defaults = [
        'segment := null', 'date_from := null', 'date_to := null',
        'week_start := ' ~ text_literal(first_weekday()), 'event_where := null', "source := 'events'",
    ] -%}
    {%- set slices = ['segment := null', 'breakdown := null'] -%}
    {{- return([
        {
            'name': 'funnel_attempts_of',
            'parameters': funnel_arguments + funnel_filters,
            'body': funnel_attempts_of_function(),
            'description': 'One row per attempt at a funnel, see funnel.',
        },
        {
            'name': 'funnel_users',
            'parameters': funnel_arguments + slices + funnel_filters,
            'body': funnel_users_function(),
            'description': 'One row per user: the headline attempt at a funnel that funnel counts.',
        },
        {
            'name': 'funnel',
            'parameters': funnel_arguments + slices + funnel_filters,
            'body': funnel_function(),
            'description': 'One row per segment value and step of a funnel.',
        },
        {
            'name': 'retention_cells_of',
            'parameters': given(cohorts + ['last_period'] + range_arguments()),
            'body': retention_cells_of_function(),
        },
        {
            'name': 'retention',
            'parameters': cohort_defaults + ['last_period := null'] + range_defaults,
            'body': retention_function(),
            'description': 'One row per cohort, segment value and period since.',
        },
        {
            'name': 'retention_users_of',
            'parameters': given(cohorts + range_arguments()),
            'body': retention_users_of_function(),
        },
        {
            'name': 'retention_users',
            'parameters': cohort_defaults + range_defaults,
            'body': retention_users_function(),
            'description': 'One row per user and cohort that retention counts them in.',
        },
        {
            'name': 'active_users_of',
            'parameters': given(['window_days', 'event', 'period'] + range_arguments()),
            'body': active_users_of_function(),
        },
        {
            'name': 'active_users',
            'parameters': ['window_days := null', 'event := null', "period := 'day'"] + range_defaults,
            'body': active_users_function(),
            'description': 'Distinct users per period, or in the window that ends with it.',
        },
        {
            'name': 'lifecycle_of',
            'parameters': given(['event', 'period'] + range_arguments()),
            'body': lifecycle_of_function(),
        },
        {
            'name': 'lifecycle',
            'parameters': ['event := null', "period := 'week'"] + range_defaults,
            'body': lifecycle_function(),
            'description': 'New, returning, resurrected and dormant users per period.',
        },
        {
            'name': 'stickiness_of',
            'parameters': given(['window_days', 'as_of_date', 'event', 'segment', 'event_where', 'source'])
            + [
                "given_period := 'day'", "given_week_start := 'monday'", 'given_date_from := null',
                'given_date_to := null',
            ],
            'body': stickiness_of_function(),
        },
        {
            'name': 'stickiness',
            'parameters': [
                'window_days := 28', 'as_of_date := null', 'event := null', 'segment := null',
                'event_where := null', "source := 'events'",
            ],
            'body': stickiness_function(),
            'description': 'Users by the number of days of a window on which they were active.',
        },
        {
            'name': 'paths_of',
            'parameters': given([
                'start_point', 'end_point', 'max_steps', 'top_nodes', 'node', 'date_from', 'date_to',
                'event_where', 'source',
            ]),
            'body': paths_of_function(),
        },
        {
            'name': 'paths',
            'parameters': [
                'start_point := null', 'end_point := null', 'max_steps := 5', 'top_nodes := 10',
                'node := null', 'date_from := null', 'date_to := null', 'event_where := null',
                "source := 'events'",
            ],
            'body': paths_function(),
            'description': 'How often one event followed another within sessions, by step.',
        },
    ]) -}}
{%- endmacro %}

{# Parameters of a function that only other functions call. #}
{% macro given(arguments) -%}
    {%- set parameters = [] -%}
    {%- for argument in arguments -%}
        {%- do parameters.append(
            'given_' ~ argument ~ (" := 'events'" if argument == 'source' else ' := null')
        ) -%}
    {%- endfor -%}
    {{- return(parameters) -}}
{%- endmacro %}

{#
    A row of a slice that is an error where a parameter is no segment of the file; NULL is
    none. A row, because a filter on what turns out to be empty is never looked at.
#}
{% macro unknown_segment(parameter, names=['segment', 'segment_value']) -%}
    select
        {{ parameter }} as {{ names[0] }},
        case when is_one_of('segment', {{ parameter }}, known_segments.names) then '' end as {{ names[1] }}

    from (
        select list_concat(
            ['all'],
            coalesce(list(distinct user_segment_values.segment order by user_segment_values.segment), [])
        ) as names

        from user_segment_values
        where user_segment_values.segment <> 'all'
    ) as known_segments
    where {{ parameter }} is not null and not list_contains(known_segments.names, {{ parameter }})
{%- endmacro %}
