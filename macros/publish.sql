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
        {%- if flags.WHICH == 'build' and not flags.EMPTY and is_whole_project(selected_resources) -%}
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
    {%- elif flags.EMPTY -%}
        {%- do log('Not published: a build with --empty has no rows to show.', info=true) -%}
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
    {%- set by_day = [] -%}
    {%- for node in graph.nodes.values() | sort(attribute='name') if node.resource_type == 'model' -%}
        {%- if node.config.meta.get('published_by') -%}
            {%- do by_day.append(node) -%}
        {%- elif node.fqn[1] == 'marts' and node.config.contract.enforced -%}
            {%- do publish_table(node) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set days = publish_days(by_day) -%}
    {%- do create_table_functions('published') -%}
    {%- do run_query('update published.main.build_info set tests_passed = ' ~ tests_passed) -%}
    {%- do run_query('checkpoint published') -%}
    {%- do run_query('detach published') -%}
    {%- set file = file_function('publish_finish', tojson({'build': build_id(), 'days': days})) -%}
    {%- do log('Published ' ~ file ~ ' (' ~ tests_passed ~ ' tests passed)', info=true) -%}
{%- endmacro %}

{#
    One mart with its descriptions. Rows that are asked for together stand together where
    its config has `meta: {published_order: ...}`: what is looked up is then read alone.
#}
{% macro publish_table(node) -%}
    {%- set order = node.config.meta.get('published_order') -%}
    {%- do create_published(
        node, 'table', 'from ' ~ node.relation_name ~ (' order by ' ~ order if order else '')
    ) -%}
{%- endmacro %}

{#
    What is large is published as Parquet by day, and only the days that changed are written:
    a day's file is named by a hash of its rows. The published file has views over them. meta:
        published_by: the column of days. The model is kept by the strategy `differences`.
        published_order: how rows stand within a day.
        published_as, published_columns: where the name or the columns are not the model's.
    The model's own file says so: where it says something else, the model is made anew.
    Gives {name: {day: content}}.
#}
{% macro publish_days(nodes) -%}
    {%- set by_name = {} -%}
    {%- for node in nodes -%}
        {%- do by_name.update({published_name(node): node}) -%}
    {%- endfor -%}
    {%- set columns = {} -%}
    {%- for name, node in by_name.items() -%}
        {%- do columns.update({name: published_columns(node)}) -%}
    {%- endfor -%}
    {%- set days = contents_of_days(by_name, columns) -%}
    {%- for name, paths in fromjson(file_function('publish_missing_days', tojson(days))).items() -%}
        {%- do write_days(by_name[name], columns[name], paths) -%}
    {%- endfor -%}
    {%- for name, paths in fromjson(file_function('publish_add_days', tojson(days))).items() -%}
        {%- set query = 'select ' ~ columns[name] | join(', ') ~ ' from ' -%}
        {%- if paths -%}
            {%- do create_published(
                by_name[name], 'view',
                query ~ "read_parquet(['" ~ paths | join("', '") ~ "'], hive_partitioning = false)"
            ) -%}
        {%- else -%}
            {%- do create_published(by_name[name], 'table', query ~ by_name[name].relation_name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(days) -}}
{%- endmacro %}

{% macro published_name(node) -%}
    {{- return(node.config.meta.get('published_as', node.alias)) -}}
{%- endmacro %}

{% macro published_columns(node) -%}
    {%- set names = node.config.meta.get('published_columns') -%}
    {%- set columns = {} -%}
    {%- for column in describe_columns('from ' ~ node.relation_name) if not names or column.name in names -%}
        {%- do columns.update({adapter.quote(column.name): column.type}) -%}
    {%- endfor -%}
    {{- return(columns) -}}
{%- endmacro %}

{#
    Only of days whose rows have changed are the rows read to know their content's hash, and
    of models that have none yet. A row is hashed twice: its hash is but an xor in its last
    column, so that an xor of those would not tell values of this column that two rows have
    exchanged. How the rows are written is part of the content, too.
#}
{% macro contents_of_days(by_name, columns) -%}
    {%- set known = run_query(
        'select model from incremental.day_contents'
        ~ ' except select model from incremental.unpublished_days where day is null'
    ).columns[0].values() -%}
    {%- set statements = ['begin'] -%}
    {%- for name, node in by_name.items() -%}
        {%- set day = node.config.meta.published_by -%}
        {%- set form = local_md5(tojson([columns[name], node.config.meta.published_order]))[:8] -%}
        {%- set is_model = "model = '" ~ node.name ~ "'" -%}
        {%- set is_changed = (
            ' in (select day from incremental.unpublished_days where ' ~ is_model ~ ')'
            if node.name in known else ' is not null'
        ) -%}
        {%- do statements.append('delete from incremental.day_contents where ' ~ is_model ~ ' and day' ~ is_changed) -%}
        {%- do statements.append(
            "insert into incremental.day_contents select '" ~ node.name ~ "', " ~ day
            ~ ", count(*) || '-' || format('{:x}', bit_xor(hash(hash(" ~ columns[name] | join(', ')
            ~ ")))) || '-" ~ form ~ "' from " ~ node.relation_name
            ~ ' where ' ~ day ~ is_changed ~ ' group by ' ~ day
        ) -%}
    {%- endfor -%}
    {%- do statements.append('delete from incremental.unpublished_days') -%}
    {%- do run_query(statements | join('; ') ~ '; commit') -%}
    {%- set days = {} -%}
    {%- for name, node in by_name.items() -%}
        {%- do days.update({name: {}}) -%}
        {%- for row in run_query(
            "select cast(day as varchar), content from incremental.day_contents where model = '"
            ~ node.name ~ "' order by day"
        ).rows -%}
            {%- do days[name].update({row[0]: row[1]}) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(days) -}}
{%- endmacro %}

{# A query per day: DuckDB keeps no order of rows that it writes to several files at once. #}
{% macro write_days(node, columns, paths) -%}
    {%- set meta = node.config.meta -%}
    {%- set statements = [] -%}
    {%- for day, path in paths.items() -%}
        {%- do statements.append(
            'copy (select ' ~ columns | join(', ') ~ ' from ' ~ node.relation_name
            ~ ' where ' ~ meta.published_by ~ " = '" ~ day ~ "' order by " ~ meta.published_order
            ~ ") to '" ~ path ~ "' (format parquet, compression zstd)"
        ) -%}
    {%- endfor -%}
    {%- if statements -%}
        {%- do run_query(statements | join('; ')) -%}
    {%- endif -%}
{%- endmacro %}

{# A table or a view of the published file, with the descriptions of the node. #}
{% macro create_published(node, kind, query) -%}
    {%- set relation = 'published.main.' ~ adapter.quote(published_name(node)) -%}
    {%- set columns = node.config.meta.get('published_columns', node.columns.keys()) -%}
    {%- set statements = [
        'create ' ~ kind ~ ' ' ~ relation ~ ' as ' ~ query,
        'comment on ' ~ kind ~ ' ' ~ relation ~ ' is ' ~ duckdb_escape_comment(node.description),
    ] -%}
    {%- for column in node.columns.values() if column.name in columns -%}
        {%- do statements.append(
            'comment on column ' ~ relation ~ '.' ~ adapter.quote(column.name) ~ ' is '
            ~ duckdb_escape_comment(column.description)
        ) -%}
    {%- endfor -%}
    {#- Each statement on its own would wait for the disk. -#}
    {%- do run_query('begin; ' ~ statements | join('; ') ~ '; commit') -%}
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
        "select count(*) from information_schema.tables where table_catalog = 'published_before'"
        ~ " and table_name = '" ~ name ~ "'"
    ).rows[0][0] -%}
    {{- return('published_before.main.' ~ name if found else none) -}}
{%- endmacro %}
