{#
    Facts are kept from build to build and changed where their input did. Tables of
    the schema `incremental` remember what the next build has to know:

    definitions: what each fact was made from, beside its rows (definition_of). Where it
        differs, the fact is made anew. And what all tests have passed with
        (tested_definition).
    changed_users: whose rows have changed since all facts were last brought up to date. It
        is filled in the transaction that changes the rows and emptied when a run has ended in
        which every fact succeeded, so that a killed or failed build loses nothing.
        NULL stands for everyone.
    changed_events: likewise the users of whom events have changed, and when the first of these
        was.
    changed_profiles: likewise the users of whom something else than their events has
        changed, such as when they signed up: all that was said of them may be other now.
    changed_segments: likewise since when users have been active whose segments are others
        now.
    changed_sessions: likewise the days on which sessions began that have changed.
    changed_days: likewise the days whose events have changed; NULL stands for all days.
    unpublished_days: of each model that is published by day (meta.published_by), or tested
        by day (meta.row_day), the days whose rows have changed since a build was last
        published, so since all tests have passed; NULL stands for all of its days.
    day_contents: a hash of the rows of each such day, as it was last published.
#}
{% macro begin_increments() -%}
    {{- return(adapter.dispatch('begin_increments', 'product_analytics')()) -}}
{%- endmacro %}

{% macro spark__begin_increments() -%}{%- endmacro %}

{% macro duckdb__begin_increments() -%}
    {#- Before there were several models by day, these two tables were of events alone. -#}
    {%- if run_query(
        "select count(*) from duckdb_columns() where schema_name = 'incremental'"
        ~ " and table_name = 'unpublished_days' and column_name = 'event_date'"
    ).rows[0][0] -%}
        {%- do run_query('drop table incremental.unpublished_days; drop table incremental.day_contents') -%}
    {%- endif -%}
    {%- set tables = {
        'definitions': 'fact varchar, definition varchar',
        'unpublished_days': 'model varchar, day date',
        'day_contents': 'model varchar, day date, content varchar',
    } -%}
    {%- do tables.update(tables_of_changes()) -%}
    {%- set statements = ['create schema if not exists incremental'] -%}
    {%- for table, columns in tables.items() -%}
        {%- do statements.append('create table if not exists incremental.' ~ table ~ ' (' ~ columns ~ ')') -%}
    {%- endfor -%}
    {%- do run_query(statements | join(';')) -%}
    {%- do forget_outdated_tests() -%}
{%- endmacro %}

{# The tables that facts fill and that are emptied once every fact knows, with their columns. #}
{% macro tables_of_changes() -%}
    {{- return({
        'changed_users': 'user_id varchar',
        'changed_events': 'user_id varchar, first_event_at timestamp',
        'changed_profiles': 'user_id varchar',
        'changed_segments': 'first_active_at timestamp',
        'changed_sessions': 'start_date date',
        'changed_days': 'event_date date',
    }) -}}
{%- endmacro %}

{# After a run: who has changed is forgotten once every fact knows. #}
{% macro end_increments(results) -%}
    {{- return(adapter.dispatch('end_increments', 'product_analytics')(results)) -}}
{%- endmacro %}

{% macro spark__end_increments(results) -%}{%- endmacro %}

{% macro duckdb__end_increments(results) -%}
    {%- set succeeded = [] -%}
    {%- for result in results if result.status | string == 'success' -%}
        {%- do succeeded.append(result.node.unique_id) -%}
    {%- endfor -%}
    {%- set behind = [] -%}
    {%- for node in graph.nodes.values()
        if is_kept_fact(node) and node.unique_id not in succeeded -%}
        {%- do behind.append(node.name) -%}
    {%- endfor -%}
    {%- if not behind -%}
        {%- set statements = ['begin'] -%}
        {%- for table in tables_of_changes() -%}
            {%- do statements.append('delete from incremental.' ~ table) -%}
        {%- endfor -%}
        {%- do run_query((statements + ['commit']) | join(';')) -%}
    {%- endif -%}
{%- endmacro %}

{% macro is_kept_fact(node) -%}
    {{- return(
        node.resource_type == 'model'
        and node.config.materialized == 'incremental'
        and node.config.incremental_strategy == 'differences'
    ) -}}
{%- endmacro %}

{#
    Whether this run only changes the rows of a fact. A fact whose definition has changed is
    dropped here, and what reads it is told that everyone has changed.
#}
{% macro is_increment() -%}
    {#- A compiled model and a unit test show what is made from nothing. -#}
    {%- if not execute or model.resource_type != 'model' or flags.WHICH not in ['run', 'build'] -%}
        {{- return(false) -}}
    {%- elif not is_incremental() -%}
        {%- do announce_everyone() -%}
        {{- return(false) -}}
    {%- endif -%}
    {%- set kept = run_query(
        "select definition from incremental.definitions where fact = '" ~ model.name ~ "'"
    ).columns[0].values() -%}
    {%- if kept and kept[0] == definition_of(model) -%}
        {{- return(true) -}}
    {%- endif -%}
    {%- do log(
        model.name ~ ' is made anew: ' ~ ('its definition has changed.' if kept else 'it is not known what it was made from.'),
        info=true
    ) -%}
    {%- do announce_everyone() -%}
    {%- do adapter.drop_relation(load_relation(this)) -%}
    {{- return(false) -}}
{%- endmacro %}

{# That all rows have changed, to what reads the model and is kept. #}
{% macro announce_everyone() -%}
    {{- return(adapter.dispatch('announce_everyone', 'product_analytics')()) -}}
{%- endmacro %}

{% macro spark__announce_everyone() -%}{%- endmacro %}

{% macro duckdb__announce_everyone() -%}
    {%- set by_scope = {
        'changed_attempts': [], 'changed_periods': [], 'changed_dates': ['changed_profiles'],
    } -%}
    {%- for table in by_scope.get(model.config.meta.scope, tables_of_changes()) -%}
        {%- do run_query('insert into incremental.' ~ table ~ ' default values') -%}
    {%- endfor -%}
    {%- if day_of_rows(model) -%}
        {%- do run_query("insert into incremental.unpublished_days values ('" ~ model.name ~ "', null)") -%}
    {%- endif -%}
{%- endmacro %}

{#
    What a fact is made from, beside rows: its SQL, that of the models between it and other
    facts, the macros, the vars that its config names under meta.made_with, and for the first
    of them how the input is read.
#}
{% macro definition_of(node) -%}
    {%- set parts = [code_behind(node), file_function('code_hash', 'macros')] -%}
    {%- for name in node.config.meta.get('made_with', []) -%}
        {%- do parts.append(name ~ '=' ~ tojson(var(name), sort_keys=true)) -%}
    {%- endfor -%}
    {%- if node.config.meta.get('reads_input') -%}
        {%- do parts.append(
            run_query(
                "select sql from duckdb_views() where view_name = '" ~ node.config.meta.reads_input ~ "'"
            ).columns[0].values() | join
        ) -%}
    {%- endif -%}
    {{- return(local_md5(parts | join('\n'))) -}}
{%- endmacro %}

{#
    The SQL of a model and of those it reads that announce no changes of their own, and so on.
#}
{% macro code_behind(node) -%}
    {%- set parts = [node.raw_code] -%}
    {%- for name in node.depends_on.nodes | sort -%}
        {%- set behind = graph.nodes.get(name) -%}
        {%- if behind and behind.resource_type == 'model'
            and (not is_kept_fact(behind) or behind.config.meta.scope == 'changed_periods') -%}
            {%- do parts.append(code_behind(behind)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(parts | join('\n')) -}}
{%- endmacro %}

{# SQL for the transaction that changes a fact. #}
{% macro remember_definition() -%}
    {%- if execute and model.config.materialized == 'incremental' -%}
    delete from incremental.definitions where fact = '{{ model.name }}';
    insert into incremental.definitions values ('{{ model.name }}', '{{ definition_of(model) }}')
    {%- endif -%}
{%- endmacro %}

{# A condition on a column of user ids: whether the rows of the user have changed. #}
{% macro is_changed_user(column='user_id') -%}
    {{- return(is_announced_user('changed_users', column)) -}}
{%- endmacro %}

{#
    A condition on columns of a relation: whether what a row says of the user at a time (or,
    of_days, on a day) may be other now. It is bounded by the first change of anyone: a literal
    lets what lies before go unread. Where a clock is set back at midnight, a later event may be
    of the day before.
#}
{% macro is_changed_row(user='user_id', time='event_time', of_days=false) -%}
    {%- if is_everyone_announced('changed_events') -%}
        {{- return('true') -}}
    {%- endif -%}
    {%- set first = run_query('select min(first_event_at) from incremental.changed_events').rows[0][0] -%}
    {%- if first is none -%}
        {{- return('false') -}}
    {%- endif -%}
    {%- set first = "timestamp '" ~ first ~ "'" -%}
    {{- return(
        time ~ ' >= ' ~ (add_days(local_date(first), -1) if of_days else first)
        ~ ' and ' ~ is_announced_user('changed_events', user)
    ) -}}
{%- endmacro %}

{# Whether something else of the user than events has changed. #}
{% macro is_changed_profile(column='user_id') -%}
    {{- return(is_announced_user('changed_profiles', column)) -}}
{%- endmacro %}

{% macro is_everyone_announced(table) -%}
    {{- return(
        run_query('select count(*) from incremental.' ~ table ~ ' where user_id is null').rows[0][0] > 0
    ) -}}
{%- endmacro %}

{% macro is_announced_user(table, column) -%}
    {{- return(
        'true' if is_everyone_announced(table)
        else column ~ ' in (select announced.user_id from incremental.' ~ table ~ ' as announced)'
    ) -}}
{%- endmacro %}

{# A condition, whether a column is one of a list of days; none stands for all days. #}
{% macro is_among(column, days) -%}
    {{- return(
        'true' if days is none
        else column ~ " in ('" ~ days | join("', '") ~ "')" if days
        else 'false'
    ) -}}
{%- endmacro %}
