{#
    The user that a row belongs to: its own user_id, else the one its anonymous_id was
    linked to, else a user of its own. The prefix keeps an anonymous id from meeting a
    user id of the same text.
#}
{% macro identified_user(row, link) -%}
    coalesce({{ row }}.user_id, {{ link }}.user_id, 'anonymous:' || {{ row }}.anonymous_id)
{%- endmacro %}
