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

{# The instant of the same; what elapsed time is counted from. #}
{% macro cohort_at() -%}
    {{- return('signed_up_at' if has_input('users') else 'first_active_at') -}}
{%- endmacro %}
