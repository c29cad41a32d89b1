{#
    The columns that an input has, as a list of {name, type}. It asks the engine, because
    a file's columns are known nowhere else; the seeds' are known without asking, so that
    models over seeds compile without a connection.
#}
{% macro input_columns(input, relation) -%}
    {%- if var(input) == 'seed' -%}
        {%- set columns = [] -%}
        {%- for name in seed_columns(input) -%}
            {%- do columns.append({'name': name, 'type': 'text'}) -%}
        {%- endfor -%}
        {{- return(columns) -}}
    {%- endif -%}
    {{- return(describe_columns('select * from ' ~ relation)) -}}
{%- endmacro %}

{% macro seed_columns(input) -%}
    {{- return({
        'events': [
            'event_id', 'user_id', 'anonymous_id', 'session_id', 'event_name', 'event_time',
            'received_at', 'properties',
        ],
        'users': ['user_id', 'signed_up_at', 'plan', 'platform', 'channel', 'country'],
        'sessions': [
            'session_id', 'user_id', 'anonymous_id', 'started_at', 'ended_at', 'device',
        ],
        'excluded_users': ['user_id', 'reason', 'valid_from'],
    }[input]) -}}
{%- endmacro %}
