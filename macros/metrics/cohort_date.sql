{#
    The day on which a user joins their cohort: of the sign-up where a users table is
    given, else of the first active event. NULL: in no cohort (a visitor who never signed
    up, a user who was never active).
#}
{% macro cohort_date() -%}
    {%- if has_input('users') -%}
    signed_up_date
    {%- else -%}
    {{ local_date('first_active_at') }}
    {%- endif -%}
{%- endmacro %}
