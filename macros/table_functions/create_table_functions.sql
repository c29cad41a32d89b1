{#
    Creates in the published file what any SQL client can ask without dbt: funnel,
    retention and the other metrics as table functions (docs/ad_hoc_queries.md). They read
    the file's events, user_segment_values and build_info and nothing else, and are made
    of the macros that the marts call wherever a list of arguments is not what differs.
    Those of mart_functions.sql and user_functions.sql read the marts they name, and are
    there where these are.

    Each of them is a file of this folder. Names in them are looked up where a client
    stands, so that a file of any name works; hence `use` while they are created.
#}
{% macro create_table_functions(database) -%}
    {%- set home = run_query('select current_catalog() || \'.\' || current_schema()').rows[0][0] -%}
    {%- set marts = graph.nodes.values()
        | selectattr('resource_type', 'equalto', 'model') | map(attribute='name') | list -%}
    {%- do run_query('use ' ~ database ~ '.main') -%}
    {%- do run_query('begin; ' ~ table_function_statements(marts) | join('; ') ~ '; commit') -%}
    {%- do run_query('use ' ~ home) -%}
{%- endmacro %}

{#
    The statements, in an order in which each finds what it calls. marts: those that there
    are; none: all.
#}
{% macro table_function_statements(marts=none) -%}
    {%- set statements = [] -%}
    {%- for functions in [metric_functions(), argument_functions()] -%}
        {%- for signature, body in functions.items() -%}
            {%- do statements.append('create or replace macro ' ~ signature ~ ' as ' ~ body) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set functions = table_functions() -%}
    {%- for definition in functions_of_marts() -%}
        {%- if marts is none or definition.reads | reject('in', marts) | list == [] -%}
            {%- do functions.append(definition) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for definition in functions -%}
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
{% macro table_function_script(marts=none) -%}
    {{- return(tojson(table_function_statements(marts))) -}}
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
            'parameters': funnel_arguments + funnel_filters + ['with_properties := true'],
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

{#
    Functions over marts: reads are the marts, but for user_segment_values, that one needs.
    daily_active, which is small, tells all of them which segments there are.
#}
{% macro functions_of_marts() -%}
    {%- set users = ["segment := 'all'", 'segment_values := null'] -%}
    {%- set days = ['date_from := null', 'date_to := null'] -%}
    {%- set part = users + ['by_value := true'] + days -%}
    {{- return([
        {
            'name': 'daily_active_in',
            'parameters': part,
            'body': daily_active_in_function(),
            'reads': ['daily_active'],
            'description': 'The mart daily_active over a range of days and some values of a segment.',
        },
        {
            'name': 'lifecycle_in',
            'parameters': ["period := 'week'"] + part,
            'body': lifecycle_in_function(),
            'reads': ['daily_active', 'lifecycle'],
            'description': 'The mart lifecycle over a range of periods and some values of a segment.',
        },
        {
            'name': 'stickiness_in',
            'parameters': ['window_days := 28'] + part,
            'body': stickiness_in_function(),
            'reads': ['daily_active', 'stickiness'],
            'description': 'The mart stickiness over a range of days and some values of a segment.',
        },
        {
            'name': 'activation_in',
            'parameters': ["period := 'week'"] + part,
            'body': activation_in_function(),
            'reads': ['daily_active', 'activation'],
            'description': 'Users activated by the period in which they signed up.',
        },
        {
            'name': 'funnel_users_in',
            'parameters': ['funnel'] + part,
            'body': funnel_users_in_function(),
            'reads': ['daily_active', 'funnel_attempts', 'funnel_steps'],
            'description': 'One row per user who entered a funnel of the vars in a range of days: the attempt they count by.',
        },
        {
            'name': 'funnel_steps_in',
            'parameters': ['funnel'] + part,
            'body': funnel_steps_in_function(),
            'reads': ['daily_active', 'funnel_attempts', 'funnel_steps'],
            'description': 'The mart funnel_steps over who entered in a range of days, and some values of a segment.',
        },
        {
            'name': 'funnel_trends_in',
            'parameters': ['funnel', "period := 'week'"] + part,
            'body': funnel_trends_in_function(),
            'reads': ['daily_active', 'funnel_attempts', 'funnel_steps'],
            'description': 'The mart funnel_trends over who entered in a range of days, and some values of a segment.',
        },
        {
            'name': 'time_to_convert_in',
            'parameters': ['funnel', 'from_step := 1', 'to_step := 2'] + users + days,
            'body': time_to_convert_in_function(),
            'reads': ['daily_active', 'funnel_attempts', 'funnel_steps'],
            'description': 'A histogram of the seconds from one step of a funnel of the vars to another.',
        },
        {
            'name': 'cohort_retention_in',
            'parameters': ["period := 'week'"] + part + ["retained := 'on'"],
            'body': cohort_retention_in_function(),
            'reads': ['daily_active', 'cohort_retention'],
            'description': 'The mart cohort_retention over a range of cohorts and some values of a segment.',
        },
        {
            'name': 'retention_curves_in',
            'parameters': ["period := 'week'"] + part + ["retained := 'on'"],
            'body': retention_curves_in_function(),
            'reads': ['daily_active', 'cohort_retention'],
            'description': 'The mart retention_curves over a range of cohorts and some values of a segment.',
        },
        {
            'name': 'retention_brackets_in',
            'parameters': ["period := 'day'"] + part,
            'body': retention_brackets_in_function(),
            'reads': ['daily_active', 'retention_brackets'],
            'description': 'The mart retention_brackets, its cohorts pooled, over some of them and some values of a segment.',
        },
        {
            'name': 'active_users_in',
            'parameters': users + days,
            'body': active_users_in_function(),
            'reads': ['daily_active'],
            'description': 'One row per user who was active in a range of days.',
        },
        {
            'name': 'lifecycle_users_in',
            'parameters': ['state', 'period_start', "period := 'week'"] + users,
            'body': lifecycle_users_in_function(),
            'reads': ['daily_active', 'user_profiles'],
            'description': 'One row per user in a state of the lifecycle in a period.',
        },
        {
            'name': 'activation_users_in',
            'parameters': ["period := 'week'"] + users + days,
            'body': activation_users_in_function(),
            'reads': ['daily_active', 'activation'],
            'description': 'One row per user who signed up in a range of periods: whether they were activated.',
        },
        {
            'name': 'retention_users_in',
            'parameters': ['period_number', "period := 'week'"] + users + days + ["retained := 'on'"],
            'body': retention_users_in_function(),
            'reads': ['daily_active', 'cohort_retention', 'user_profiles'],
            'description': 'One row per user of a range of cohorts: whether they were retained in a period since.',
        },
        {
            'name': 'path_users_in',
            'parameters': ['from_event', 'to_event', 'from_step := null'] + users + days,
            'body': path_users_in_function(),
            'reads': ['daily_active', 'path_transitions'],
            'description': 'One row per user who went from one event to another within a session.',
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
