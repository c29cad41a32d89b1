{#
    A condition on a column of as_of_dates: whether what the model says of the date stays as
    it is, but for users whose profiles have changed. It has said it before, and no event
    has changed up to the date; of a model whose rows look ahead, as meta.looks_until says
    (a column of as_of_dates), none up to that day, and that day was over already.
#}
{% macro is_kept_date(column='as_of_date') -%}
    {%- set looks_until = model.config.meta.get('looks_until') -%}
    {%- set kept = run_query(
        'select as_of_date from ' ~ ref('as_of_dates') ~ ' as dates'
        ~ ' where as_of_date in (select as_of_date from ' ~ this ~ (' where is_closed' if looks_until else '') ~ ')'
        ~ (' and is_closed' if looks_until else '')
        ~ ' and not exists (select * from incremental.changed_days'
        ~ ' where event_date is null or event_date <= dates.' ~ (looks_until or 'as_of_date') ~ ')'
        ~ ' order by as_of_date'
    ).columns[0].values() -%}
    {{- return(is_among(column, kept)) -}}
{%- endmacro %}
