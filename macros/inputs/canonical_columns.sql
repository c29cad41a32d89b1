{#
    Our columns of each input: how each is read (text, time, json) and whether an input
    must have it. `one_of` names a group of which at least one must be there.
#}
{% macro canonical_columns(input) -%}
    {%- set columns = {
        'events': {
            'event_id': {'kind': 'text'},
            'user_id': {'kind': 'text', 'one_of': 'user'},
            'anonymous_id': {'kind': 'text', 'one_of': 'user'},
            'session_id': {'kind': 'text'},
            'event_name': {'kind': 'text', 'required': true},
            'event_time': {'kind': 'time', 'required': true},
            'received_at': {'kind': 'time'},
            'properties': {'kind': 'json'},
        },
        'users': {
            'user_id': {'kind': 'text', 'required': true},
            'signed_up_at': {'kind': 'time'},
            'valid_from': {'kind': 'time'},
            'properties': {'kind': 'json'},
        },
        'sessions': {
            'session_id': {'kind': 'text', 'required': true},
            'user_id': {'kind': 'text', 'one_of': 'user'},
            'anonymous_id': {'kind': 'text', 'one_of': 'user'},
            'started_at': {'kind': 'time', 'required': true},
            'ended_at': {'kind': 'time'},
            'properties': {'kind': 'json'},
        },
        'excluded_users': {
            'user_id': {'kind': 'text', 'required': true},
            'reason': {'kind': 'text'},
            'valid_from': {'kind': 'time'},
        },
    } -%}
    {%- do require_one_of('input', input, columns.keys() | list) -%}
    {{- return(columns[input]) -}}
{%- endmacro %}
