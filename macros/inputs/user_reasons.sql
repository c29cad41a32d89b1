{#
    Branches of a CASE: why a row is set aside because of its user. rows: what has user_id and
    is_anonymous; excluded_users: those of them that are excluded at the time of the row, joined.
#}
{% macro user_reasons(rows, excluded_users) -%}
{%- if has_input('users') -%}
when
    not {{ rows }}.is_anonymous
    and {{ rows }}.user_id not in (
        select users.user_id
        from {{ ref('base_users') }} as users
        where users.user_id is not null
    )
    then 'unknown_user'
{% endif -%}
when {{ excluded_users }}.user_id is not null then 'excluded_user'
{%- endmacro %}
