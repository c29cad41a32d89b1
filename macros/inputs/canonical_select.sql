{#
    Selects an input under our column names: text and times cast (a time that cannot be
    read is NULL, its text kept beside it as raw_<column>), missing columns as NULL, and
    every other column as a key of properties.
#}
{% macro canonical_select(input) -%}
    {%- set columns = canonical_columns(input) -%}
    {%- set relation = input_relation(input) -%}
    {%- set source = source_of_columns(input, relation, columns) if relation else {} -%}
    {%- if execute and relation and var(input) != 'seed' -%}
        {%- do require_columns(input, source, columns) -%}
    {%- endif -%}
    select
    {%- for name, column in columns.items() if name != 'properties' %}
        {%- set given = source.get('named', {}).get(name) %}
        {{ canonical_expression(column.kind, given) }} as {{ name }},
        {%- if column.kind == 'time' %}
        {{ source_text(given) }} as raw_{{ name }},
        {%- endif %}
    {%- endfor %}
        {{ canonical_properties(source) }} as properties
    {%- if relation %}
    from {{ relation }}
    {%- else %}
    where 1 = 0
    {%- endif %}
{%- endmacro %}

{% macro canonical_expression(kind, given) -%}
    {%- if kind == 'text' -%}
        {{ 'nullif(' ~ source_text(given) ~ ", '')" if given else 'cast(null as string)' }}
    {%- elif not given -%}
        cast(null as timestamp)
    {%- else -%}
        {%- set time -%}
            {%- if given.type in ('timestamp', 'timestamp_ns', 'timestamp_ms', 'timestamp_s', 'timestamp_ntz', 'date') -%}
                cast({{ given.quoted }} as timestamp)
            {%- elif given.type == 'timestamp with time zone' -%}
                timezone('UTC', {{ given.quoted }})
            {%- else -%}
                {{ try_timestamp(source_text(given)) }}
            {%- endif -%}
        {%- endset -%}
        {#- Nothing else is a time of the calendar: 'infinity' is one too, of endless days. -#}
        case
            when {{ time }} between timestamp '0001-01-02 00:00:00' and timestamp '9999-12-30 00:00:00'
                then {{ time }}
        end
    {%- endif -%}
{%- endmacro %}

{# The text of a column; a JSON value is the text in it, without its quotes. #}
{% macro source_text(given) -%}
    {%- if not given -%}
        cast(null as string)
    {%- elif given.type == 'json' -%}
        json_extract_string({{ given.quoted }}, '$')
    {%- else -%}
        {{ text_of(given.quoted, given.type) }}
    {%- endif -%}
{%- endmacro %}

{% macro canonical_properties(source) -%}
    {%- set given = source.get('named', {}).get('properties') -%}
    {%- set others = {} -%}
    {%- for column in source.get('others', []) -%}
        {%- do others.update({column.name: json_value(column.quoted, column.type)}) -%}
    {%- endfor -%}
    {%- set own = "nullif(" ~ json_text(given.quoted, given.type) ~ ", '')" if given else '' -%}
    {%- if given and others -%}
        {{ json_merge(json_of(others), 'coalesce(' ~ own ~ ", '{}')") }}
    {%- elif given -%}
        {{ own }}
    {%- elif others -%}
        {{ json_of(others) }}
    {%- else -%}
        cast(null as string)
    {%- endif -%}
{%- endmacro %}

{# Which column of the input stands for which of ours: {named: {ours: column}, others: [column]}. #}
{% macro source_of_columns(input, relation, columns) -%}
    {%- set renames = column_renames(input, columns) -%}
    {%- set named = {} -%}
    {%- set others = [] -%}
    {%- set given_columns = input_columns(input, relation) -%}
    {%- for given in given_columns -%}
        {%- do given.update({'quoted': quoted_column(given.name)}) -%}
        {%- set ours = renames.get(given.name | lower, given.name | lower) -%}
        {%- if given.name | lower in renames or (ours in columns and ours not in renames.values()) -%}
            {%- do named.update({ours: given}) -%}
        {%- else -%}
            {%- do others.append(given) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if execute -%}
        {%- set names = given_columns | map(attribute='name') | map('lower') | list -%}
        {%- for theirs in renames if theirs not in names -%}
            {%- do exceptions.raise_compiler_error(
                "var " ~ renames_var(input) ~ ": " ~ var(input) ~ " has no column '" ~ theirs ~ "'; "
                ~ "the nearest it has: " ~ nearest(theirs, names)
            ) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return({'named': named, 'others': others}) -}}
{%- endmacro %}

{# A column's name in SQL, whatever characters a file's header has. #}
{% macro quoted_column(name) -%}
    {%- set mark = adapter.quote('')[0] -%}
    {{- return(adapter.quote(name | replace(mark, mark ~ mark))) -}}
{%- endmacro %}

{% macro renames_var(input) -%}
    {{- return({'events': 'event_columns', 'users': 'user_columns', 'sessions': 'session_columns'}.get(input)) -}}
{%- endmacro %}

{% macro column_renames(input, columns) -%}
    {%- set renames = {} -%}
    {%- if renames_var(input) and var(input) != 'seed' and var(renames_var(input)) -%}
        {%- if var(renames_var(input)) is not mapping -%}
            {%- do exceptions.raise_compiler_error(
                'var ' ~ renames_var(input) ~ ": got '" ~ var(renames_var(input))
                ~ "', allowed is {their column: our column}"
            ) -%}
        {%- endif -%}
        {%- for theirs, ours in var(renames_var(input)).items() -%}
            {%- if ours in renames.values() -%}
                {%- do exceptions.raise_compiler_error(
                    'var ' ~ renames_var(input) ~ ": two columns stand for '" ~ ours ~ "', allowed is one"
                ) -%}
            {%- elif ours not in columns -%}
                {%- do exceptions.raise_compiler_error(
                    "var " ~ renames_var(input) ~ ": '" ~ ours ~ "' is not one of our columns ("
                    ~ columns.keys() | join(', ') ~ "); write {their column: our column}"
                ) -%}
            {%- endif -%}
            {%- do renames.update({theirs | lower: ours}) -%}
        {%- endfor -%}
    {%- endif -%}
    {{- return(renames) -}}
{%- endmacro %}

{% macro require_columns(input, source, columns) -%}
    {%- set others = source.others | map(attribute='name') | list -%}
    {%- set groups = {} -%}
    {%- for name, column in columns.items() -%}
        {%- if column.get('required') and name not in source.named -%}
            {%- do missing_column(input, "no column '" ~ name ~ "'", name, others) -%}
        {%- endif -%}
        {%- if column.get('one_of') -%}
            {%- do groups.setdefault(column.one_of, []).append(name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for names in groups.values() if not names | select('in', source.named) | list -%}
        {%- do missing_column(input, 'none of the columns ' ~ names | join(', '), names[0], others) -%}
    {%- endfor -%}
{%- endmacro %}

{% macro missing_column(input, what, name, others) -%}
    {%- do exceptions.raise_compiler_error(
        "var " ~ input ~ ": " ~ var(input) ~ " has " ~ what ~ ". The nearest that it has: "
        ~ nearest(name, others) ~ ". Name yours with --vars '{" ~ (renames_var(input) or input)
        ~ ": {their_column: " ~ name ~ "}}'"
    ) -%}
{%- endmacro %}

{# The names nearest to a misspelt one, nearest first, as text. #}
{% macro nearest(name, names, most=3) -%}
    {%- if not names -%}
        {{- return('(none)') -}}
    {%- endif -%}
    {%- set rows = [] -%}
    {%- for other in names -%}
        {%- do rows.append('select ' ~ text_literal(other) ~ ' as name') -%}
    {%- endfor -%}
    {%- set found = run_query(
        "select name from (" ~ rows | join(' union all ') ~ ") as names order by levenshtein(lower(name), "
        ~ text_literal(name | lower) ~ '), name limit ' ~ most
    ) -%}
    {{- return(found.columns[0].values() | join(', ')) -}}
{%- endmacro %}
