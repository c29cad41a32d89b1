{#
    What the tests of a build look at. Of what is kept from build to build, and of what is
    counted from it by day, they look at what has changed since a build was last published,
    so since all tests have passed: a build that failed leaves what it changed to the next
    one. They look at everything in `dbt test`, on Spark, and where anything else than rows is
    not as it was then (tested_definition), of which a build is told when it starts.
#}

{# Whether the test looks at everything. #}
{% macro tests_everything() -%}
    {{- return(adapter.dispatch('tests_everything', 'product_analytics')()) -}}
{%- endmacro %}

{% macro spark__tests_everything() -%}
    {{- return(true) -}}
{%- endmacro %}

{% macro duckdb__tests_everything() -%}
    {#- What only warns does not keep a build from being published: it would warn once. -#}
    {%- if not execute or flags.WHICH != 'build' or flags.FULL_REFRESH
        or model.config.severity | upper != 'ERROR' or model.config.error_if != '!= 0' -%}
        {{- return(true) -}}
    {%- endif -%}
    {{- return(
        run_query("select count(*) from incremental.definitions where fact = 'tests'").rows[0][0] == 0
    ) -}}
{%- endmacro %}

{#
    A hash of what may change what a test finds, beside rows: all code, the engine, and the
    vars but for those that only say which days there are or are read again; and the name of
    the published file, whose rows have passed.
#}
{% macro tested_definition() -%}
    {%- set parts = [
        file_function('code_hash', 'macros'),
        file_function('code_hash', 'tests/generic'),
        file_function('published_current', '').split('/') | last,
        run_query('select version()').rows[0][0],
    ] -%}
    {%- for node in graph.nodes.values() | sort(attribute='unique_id')
        if node.resource_type in ['model', 'test'] -%}
        {#- The id of a test has its arguments. -#}
        {%- do parts.append([node.unique_id, node.raw_code, node.config.get('where')] | join('\n')) -%}
    {%- endfor -%}
    {%- for name in known_vars()
        if name not in ['as_of_date', 'loaded_until', 'lookback_days', 'changed_days'] -%}
        {%- do parts.append(name ~ '=' ~ tojson(var(name), sort_keys=true)) -%}
    {%- endfor -%}
    {{- return(local_md5(parts | join('\n'))) -}}
{%- endmacro %}

{# Before a build: where anything else than rows is not as it was when all tests have passed. #}
{% macro forget_outdated_tests() -%}
    {%- if flags.WHICH == 'build' -%}
        {%- do run_query(
            "delete from incremental.definitions where fact = 'tests' and definition <> '"
            ~ tested_definition() ~ "'"
        ) -%}
    {%- endif -%}
{%- endmacro %}

{#
    Before and after a build is published: should that be cut short, when days are no more
    said to be unpublished, the next tests look at everything.
#}
{% macro forget_tests() -%}
    {%- do run_query("delete from incremental.definitions where fact = 'tests'") -%}
{%- endmacro %}

{% macro remember_tests() -%}
    {%- do run_query(
        "insert into incremental.definitions values ('tests', '" ~ tested_definition() ~ "')"
    ) -%}
{%- endmacro %}

{#
    The days of a model (meta.published_by or meta.row_day) whose rows have changed since
    all tests have passed, a list; none stands for all days.
#}
{% macro untested_days(name) -%}
    {%- if tests_everything() -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- if not day_of_rows(graph.nodes.values() | selectattr('name', 'equalto', name) | first) -%}
        {%- do exceptions.raise_compiler_error("untested_days: '" ~ name ~ "' has neither meta.published_by nor meta.row_day.") -%}
    {%- endif -%}
    {%- set days = run_query(
        "select distinct cast(day as varchar) from incremental.unpublished_days where model = '" ~ name ~ "' order by 1"
    ).columns[0].values() -%}
    {{- return(none if none in days else days | list) -}}
{%- endmacro %}

{# The column by whose days it is told which rows of a model have changed; none without. #}
{% macro day_of_rows(node) -%}
    {{- return(node.config.meta.get('published_by') or node.config.meta.get('row_day')) -}}
{%- endmacro %}

{#
    The starts of the periods, a list, for which an assertion that compares a mart's rows of
    the period with a count of a fact's rows may find something else than when it has passed;
    none stands for all. Either these rows of the mart are not those that are published, or
    those of the fact have changed in the period or the days before it. Nothing else that the
    assertion reads may change what it finds.

    starts: the mart's column of starts of periods.
    days_before: so many days before a period count, too.
#}
{% macro untested_periods(mart, starts, fact, period='day', days_before=0) -%}
    {%- set days = untested_days(fact) -%}
    {%- set published = none if days is none else published_table(mart) -%}
    {%- if published is none -%}
        {{- return(none) -}}
    {%- endif -%}
    {%- set kept = ref(mart) -%}
    {%- set query -%}
    select distinct cast({{ starts }} as varchar)
    from (
        (from {{ kept }} except all from {{ published }})
        union all
        (from {{ published }} except all from {{ kept }})
    )
    {%- for day in days %}
    union
    select cast({{ period_start(period, "cast(date '" ~ day ~ "' + cast(days_later as integer) as date)") }} as varchar)
    from range({{ days_before + 1 }}) as reached (days_later)
    {%- endfor %}
    order by 1
    {%- endset -%}
    {{- return(run_query(query).columns[0].values() | list) -}}
{%- endmacro %}

{#
    Rows of a relation to find repeated keys in: those of which a row with their key has
    changed. It is the relation itself where this is not told by day.
#}
{% macro untested_keys(relation, columns) -%}
    {%- set node = graph.nodes.values() | selectattr('relation_name', 'equalto', relation | string) | first if execute -%}
    {%- set day = day_of_rows(node) if node -%}
    {%- set days = untested_days(node.name) if day -%}
    {%- if not day or days is none -%}
        {{- return(relation) -}}
    {%- endif -%}
    {%- set is_untested = is_among(day, days) -%}
    {%- if day not in columns -%}
        {%- set is_untested = row_hash(columns) ~ ' in (select ' ~ row_hash(columns) ~ ' from ' ~ relation ~ ' where ' ~ is_untested ~ ')' -%}
    {%- endif -%}
    {{- return('(select * from ' ~ relation ~ ' where ' ~ is_untested ~ ') as untested') -}}
{%- endmacro %}
