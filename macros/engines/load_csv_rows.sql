{#
    How dbt-spark fills a seed's table. Its own way casts each value by itself, which takes
    Spark minutes to parse, and writes a quote in a value as it is; here a batch of rows
    is one JSON text.
#}
{% macro spark__load_csv_rows(model, agate_table) -%}
    {%- set columns = [] -%}
    {%- set fields = [] -%}
    {%- for name in agate_table.column_names -%}
        {%- set type = model.config.column_types.get(name, adapter.convert_type(agate_table, loop.index0)) -%}
        {%- do columns.append('cast(' ~ adapter.quote(name) ~ ' as ' ~ type ~ ')') -%}
        {%- do fields.append(adapter.quote(name) ~ ' string') -%}
    {%- endfor -%}
    {%- set statements = [] -%}
    {%- for chunk in agate_table.rows | batch(get_batch_size()) -%}
        {%- set rows = [] -%}
        {%- for row in chunk -%}
            {%- set values = {} -%}
            {%- for name, value in row.dict().items() if value is not none -%}
                {%- do values.update({name: value | string}) -%}
            {%- endfor -%}
            {%- do rows.append(values) -%}
        {%- endfor -%}
        {%- set text = tojson(rows) | replace('\\', '\\\\') | replace("'", "\\'") -%}
        {%- set sql -%}
            insert into {{ this.render() }}
            select {{ columns | join(', ') }}
            from inline(from_json('{{ text }}', 'array<struct<{{ fields | join(', ') }}>>'))
        {%- endset -%}
        {%- do adapter.add_query(sql, abridge_sql_log=True) -%}
        {%- do statements.append(sql[:200]) -%}
    {%- endfor -%}
    {{- return(statements | first) -}}
{%- endmacro %}
