{#
    Build, then publish: a build of the whole project in which every node and every test
    succeeded becomes the file that readers see. start_build and finish_build are the
    project's on-run-start and on-run-end.
#}
{% macro start_build() -%}
    {%- do check_vars() -%}
    {%- if execute -%}
        {%- do warn_of_unknown_vars() -%}
        {%- do require_spark_plugin() -%}
        {%- do adapter.dispatch('break_seal', 'product_analytics')() -%}
        {%- do begin_increments() -%}
        {%- if 'model.product_analytics.scored_users' in selected_resources -%}
            {%- do require_churn_model() -%}
        {%- endif -%}
        {%- if flags.WHICH == 'build' and is_whole_project(selected_resources) -%}
            {%- do adapter.dispatch('record_build', 'product_analytics')('running', []) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro finish_build(results) -%}
    {%- if execute -%}
        {%- do end_increments(results) -%}
    {%- endif -%}
    {%- if execute and flags.WHICH == 'build' -%}
        {%- do adapter.dispatch('finish_build', 'product_analytics')(results) -%}
    {%- endif -%}
    {%- if execute and 'error' not in results | map(attribute='status') | map('string') -%}
        {%- do adapter.dispatch('seal_at_end', 'product_analytics')() -%}
    {%- endif -%}
{%- endmacro %}

{# The seal says that nothing happened to the build file since a command ended well. #}
{% macro spark__break_seal() -%}{%- endmacro %}

{% macro duckdb__break_seal() -%}
    {%- do file_function('break_seal', '') -%}
{%- endmacro %}

{% macro spark__seal_at_end() -%}{%- endmacro %}

{% macro duckdb__seal_at_end() -%}
    {%- do file_function('seal_at_end', '') -%}
{%- endmacro %}

{% macro spark__record_build(status, failed) -%}{%- endmacro %}

{#- The tables of the catalogue are what readers see: nothing is copied. -#}
{% macro spark__finish_build(results) -%}
    {%- set unfinished = results | rejectattr('status', 'in', ['success', 'pass', 'warn', 'no-op']) | list -%}
    {%- if is_whole_project(results | map(attribute='node.unique_id') | list) and not unfinished -%}
        {%- do warn_of_set_aside_rows() -%}
        {%- do warn_of_unmatched_definitions() -%}
        {%- do warn_of_the_churn_model() -%}
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__finish_build(results) -%}
    {%- set failed = [] -%}
    {%- set skipped = [] -%}
    {%- set built = [] -%}
    {%- set tests = [] -%}
    {%- for result in results -%}
        {%- do built.append(result.node.unique_id) -%}
        {#- An exposure is a node that has nothing to do: no-op. -#}
        {%- if result.status | string == 'skipped' -%}
            {%- do skipped.append(result.node.name) -%}
        {%- elif result.status | string not in ['success', 'pass', 'warn', 'no-op'] -%}
            {%- do failed.append(result.node.name) -%}
        {%- elif result.node.resource_type | string in ['test', 'unit_test'] -%}
            {%- do tests.append(result.node.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if not is_whole_project(built) -%}
        {%- if not failed and not skipped -%}
            {%- do log('Not published: only a build of the whole project is.', info=true) -%}
        {%- endif -%}
    {%- elif failed or skipped -%}
        {%- do duckdb__record_build('failed', failed or skipped) -%}
        {%- do log(
            'Not published: of ' ~ built | length ~ ' nodes ' ~ failed | length ~ ' failed and '
            ~ skipped | length ~ ' were skipped. Readers keep the last published build.', info=true
        ) -%}
    {%- else -%}
        {%- do forget_tests() -%}
        {%- do publish_marts(tests | length) -%}
        {%- do remember_tests() -%}
        {%- do duckdb__record_build('published', []) -%}
        {%- do warn_of_set_aside_rows() -%}
        {%- do warn_of_unmatched_definitions() -%}
        {%- do warn_of_the_churn_model() -%}
    {%- endif -%}
{%- endmacro %}

{# Whether every enabled model, seed and test of the project is among the ids. #}
{% macro is_whole_project(ids) -%}
    {%- for node in graph.nodes.values()
        if node.resource_type in ['model', 'seed', 'test', 'snapshot']
        and node.config.materialized != 'ephemeral'
        and node.unique_id not in ids -%}
        {{- return(false) -}}
    {%- endfor -%}
    {{- return(true) -}}
{%- endmacro %}

{% macro build_id() -%}
    {{- return(run_started_at.strftime('%Y%m%dT%H%M%S') ~ '-' ~ invocation_id[:8]) -}}
{%- endmacro %}

{% macro duckdb__record_build(status, failed) -%}
    {%- set record = {
        'build': build_id(),
        'status': status,
        'started_at': run_started_at.strftime('%Y-%m-%dT%H:%M:%SZ'),
        'failed': failed[:20],
        'failed_count': failed | length,
    } -%}
    {%- do run_query("select publish_record('" ~ tojson(record) | replace("'", "''") ~ "')") -%}
{%- endmacro %}

{% macro publish_marts(tests_passed) -%}
    {%- set path = file_function('publish_begin', build_id()) -%}
    {%- do run_query("attach '" ~ path ~ "' as published") -%}
    {%- for node in graph.nodes.values() | sort(attribute='name')
        if node.resource_type == 'model' and node.fqn[1] == 'marts' and node.config.contract.enforced -%}
        {%- do publish_table(node) -%}
    {%- endfor -%}
    {%- set days = publish_events() -%}
    {%- do create_table_functions('published') -%}
    {%- do run_query('update published.main.build_info set tests_passed = ' ~ tests_passed) -%}
    {%- do run_query('checkpoint published') -%}
    {%- do run_query('detach published') -%}
    {%- set file = file_function('publish_finish', tojson({'build': build_id(), 'days': days})) -%}
    {%- do log('Published ' ~ file ~ ' (' ~ tests_passed ~ ' tests passed)', info=true) -%}
{%- endmacro %}

{#
    Events are published as Parquet by day, and only the days that changed are written: a
    day's file is named by a hash of its rows. The published file has a view over them.
#}
{% macro publish_events() -%}
    {%- set columns = [
        'event_id', 'user_id', 'session_id', 'event_name', 'properties', 'is_activity',
        'is_anonymous', 'event_date', 'event_time', 'received_at',
    ] | join(', ') -%}
    {%- set events = (graph.nodes.values() | selectattr('name', 'equalto', 'fct_events') | first).relation_name -%}
    {%- set days = {} -%}
    {%- do hash_changed_days(events, columns) -%}
    {%- for row in run_query(
        "select cast(day as varchar), content from incremental.day_contents where model = 'fct_events' order by day"
    ).rows -%}
        {%- do days.update({row[0]: row[1]}) -%}
    {%- endfor -%}
    {%- set missing = fromjson(file_function('publish_missing_days', tojson(days))) -%}
    {%- if missing -%}
        {%- do run_query(
            'copy (select ' ~ columns ~ ' from ' ~ events ~ " where event_date in ('" ~ missing | join("', '")
            ~ "') order by event_date, event_time, event_id) to '" ~ file_function('publish_events_folder', '')
            ~ "' (format parquet, compression zstd, partition_by (event_date), write_partition_columns true)"
        ) -%}
    {%- endif -%}
    {%- set files = fromjson(file_function('publish_add_days', tojson(days))) -%}
    {%- if files -%}
        {%- do run_query(
            "create view published.main.events as select " ~ columns ~ " from read_parquet(['" ~ files | join("', '")
            ~ "'], hive_partitioning = false)"
        ) -%}
    {%- else -%}
        {%- do run_query('create table published.main.events as select ' ~ columns ~ ' from ' ~ events) -%}
    {%- endif -%}
    {{- return(days) -}}
{%- endmacro %}

{#
    Only of days whose events have changed are the rows read to know their content's hash. A
    row is hashed twice: its hash is but an xor in its last column, so that an xor of those
    would not tell values of this column that two rows have exchanged.
#}
{% macro hash_changed_days(events, columns) -%}
    {%- set is_all = run_query(
        "select count(*) from incremental.unpublished_days where model = 'fct_events' and day is null"
    ).rows[0][0] > 0 -%}
    {%- set changed = "(select day from incremental.unpublished_days where model = 'fct_events')" -%}
    {%- do run_query(
        'begin;'
        ~ 'delete from incremental.day_contents' ~ ('' if is_all else ' where day in ' ~ changed) ~ ';'
        ~ "insert into incremental.day_contents select 'fct_events', event_date, "
        ~ "count(*) || '-' || format('{:x}', bit_xor(hash(hash(" ~ columns ~ '))))'
        ~ ' from ' ~ events ~ ('' if is_all else ' where event_date in ' ~ changed) ~ ' group by event_date;'
        ~ 'delete from incremental.unpublished_days;'
        ~ 'commit'
    ) -%}
{%- endmacro %}

{#
    A table of the file that readers see now, as the last publishing build left it; none
    where nothing was published, or without that table.
#}
{% macro published_table(name) -%}
    {{- return(adapter.dispatch('published_table', 'product_analytics')(name)) -}}
{%- endmacro %}

{% macro spark__published_table(name) -%}
    {{- return(none) -}}
{%- endmacro %}

{% macro duckdb__published_table(name) -%}
    {%- if not execute -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- set path = file_function('published_current', '') -%}
    {%- if not path -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- do run_query("attach if not exists '" ~ path ~ "' as published_before (read_only)") -%}
    {%- set found = run_query(
        "select count(*) from duckdb_tables() where database_name = 'published_before' and table_name = '" ~ name ~ "'"
    ).rows[0][0] -%}
    {{- return('published_before.main.' ~ name if found else none) -}}
{%- endmacro %}

{#
    One mart with its descriptions. Rows that are asked for together stand together where
    its config has `meta: {published_order: ...}`: what is looked up is then read alone.
#}
{% macro publish_table(node) -%}
    {%- set table = 'published.main.' ~ adapter.quote(node.alias) -%}
    {%- set order = node.config.meta.get('published_order') -%}
    {%- set statements = [
        'create table ' ~ table ~ ' as from ' ~ node.relation_name ~ (' order by ' ~ order if order else ''),
        'comment on table ' ~ table ~ ' is ' ~ duckdb_escape_comment(node.description),
    ] -%}
    {%- for column in node.columns.values() -%}
        {%- do statements.append(
            'comment on column ' ~ table ~ '.' ~ adapter.quote(column.name) ~ ' is '
            ~ duckdb_escape_comment(column.description)
        ) -%}
    {%- endfor -%}
    {#- Each statement on its own would wait for the disk. -#}
    {%- do run_query('begin; ' ~ statements | join('; ') ~ '; commit') -%}
{%- endmacro %}
