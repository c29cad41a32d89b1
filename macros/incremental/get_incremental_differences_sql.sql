{#
    The incremental strategy `differences`: of the rows in scope, those that the model no
    longer gives are deleted and those that it newly gives are inserted; equal ones stay as
    they are. Rows are told apart by all of their columns, so no two may be equal.

    meta.scope, of the rows that the model gives again:
        changed_users (the rows of users whose rows have changed),
        changed_rows (of users whose events have changed, the rows from the first change on, by
            meta.row_time, a column of times, or meta.row_day, of days),
        changed_attempts (likewise, and all of the funnels whose definition has changed),
        changed_dates (of the as_of_dates that is_kept_date excludes, and on the others the
            rows of users whose profiles have changed),
        changed_periods (of the periods that is_remade_period names),
        reopened_rows (of base_events_checked, see reopen_events),
        reopened_sessions (of fct_sessions, see reopen_sessions),
        all.
    meta.announces: {table of the schema incremental: [columns]}, whose values in changed
        rows it is told of, such as {changed_users: [user_id]}.
    meta.announces_events: {users, time}: the columns from which changed_events is told.
    meta.announces_changed: {table: {key, changed, column}}: it is told of the values of a
        column where another column, `changed`, differs between two rows of one key.
    meta.published_by: a column of days by which the model is published, see publish.sql;
        incremental.unpublished_days is told of those of changed rows.
    meta.row_day: the column with the day of a row; of it it is told likewise.
#}
{% macro get_incremental_differences_sql(arguments) -%}
    {%- set target_relation, source = arguments.target_relation, arguments.temp_relation -%}
    {%- set columns = arguments.dest_columns | map(attribute='quoted') | list -%}
    {%- set scope = rows_in_scope(config.get('meta').scope) -%}
    create or replace temp table outdated_rows as
    select kept.rowid as kept_row
    from {{ target_relation }} as kept
    anti join {{ source }} as made on {{ equal_rows('kept', 'made', columns) }}
    where {{ scope }};

    create or replace temp table new_rows as
    select made.*
    from {{ source }} as made
    anti join (select * from {{ target_relation }} where {{ scope }}) as kept
        on {{ equal_rows('kept', 'made', columns) }};

    {% for table, announced in config.get('meta').get('announces', {}).items() -%}
    {{ announce('incremental.' ~ table, announced, target_relation) }}
    {% endfor %}
    {%- if config.get('meta').get('announces_events') -%}
    {{ announce_events(config.get('meta').announces_events, target_relation) }}
    {% endif %}
    {%- for table, announced in config.get('meta').get('announces_changed', {}).items() -%}
    {{ announce_changed('incremental.' ~ table, announced, target_relation) }}
    {% endfor %}
    {%- if day_of_rows(model) -%}
    {{ announce_unpublished(day_of_rows(model), target_relation) }}
    {% endif %}

    delete from {{ target_relation }} where rowid in (select kept_row from outdated_rows);

    insert into {{ target_relation }} ({{ columns | join(', ') }})
    select {{ columns | join(', ') }} from new_rows;

    drop table outdated_rows;
    drop table new_rows
{%- endmacro %}

{% macro rows_in_scope(scope) -%}
    {%- do require_one_of(
        'meta.scope', scope,
        ['changed_users', 'changed_rows', 'changed_attempts', 'changed_dates', 'changed_periods', 'reopened_rows',
         'reopened_sessions', 'all']
    ) -%}
    {%- if scope == 'changed_users' -%}
        {{ is_changed_user('user_id') }}
    {%- elif scope == 'changed_rows' -%}
        {%- set meta = config.get('meta') -%}
        {{ is_changed_row('user_id', meta.get('row_day') or meta.row_time, of_days='row_day' in meta) }}
    {%- elif scope == 'changed_attempts' -%}
        ({{ is_changed_user('user_id') }} or {{ is_remade_funnel() }})
    {%- elif scope == 'changed_dates' -%}
        (not {{ is_kept_date() }} or {{ is_changed_profile() }})
    {%- elif scope == 'changed_periods' -%}
        {{ is_remade_period() }}
    {%- elif scope == 'reopened_sessions' -%}
        {{ is_reopened_session() }}
    {%- elif scope == 'reopened_rows' -%}
        rowid in (select reopened_rows.kept_row from reopened_rows)
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}

{% macro equal_rows(one, other, columns) -%}
    {%- for column in columns -%}
        {{ one }}.{{ column }} is not distinct from {{ other }}.{{ column }}{{ ' and ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{% macro announce(relation, columns, target_relation) -%}
    insert into {{ relation }}
    {%- for column in columns %}
    select {{ column }} from {{ target_relation }}
    where rowid in (select kept_row from outdated_rows) and {{ column }} is not null
    union
    select {{ column }} from new_rows where {{ column }} is not null
    {{- '\n    union' if not loop.last }}
    {%- endfor %};
{%- endmacro %}

{% macro announce_events(announced, target_relation) -%}
    insert into incremental.changed_events
    {%- for user in announced.users %}
    select {{ user }}, min({{ announced.time }})
    from (
        select {{ user }}, {{ announced.time }} from {{ target_relation }}
        where rowid in (select kept_row from outdated_rows)
        union all
        select {{ user }}, {{ announced.time }} from new_rows
    ) as changed_rows
    where {{ user }} is not null and {{ announced.time }} is not null
    group by {{ user }}
    {{- '\n    union all' if not loop.last }}
    {%- endfor %};
{%- endmacro %}

{% macro announce_unpublished(day, target_relation) -%}
    insert into incremental.unpublished_days
    select '{{ model.name }}', {{ day }} from {{ target_relation }}
    where rowid in (select kept_row from outdated_rows)
    union
    select '{{ model.name }}', {{ day }} from new_rows;
{%- endmacro %}

{% macro announce_changed(relation, announced, target_relation) -%}
    insert into {{ relation }}
    select made.{{ announced.column }}
    from new_rows as made
    inner join {{ target_relation }} as kept on made.{{ announced.key }} = kept.{{ announced.key }}
    where kept.rowid in (select kept_row from outdated_rows)
        and made.{{ announced.changed }} is distinct from kept.{{ announced.changed }}
        and made.{{ announced.column }} is not null;
{%- endmacro %}
