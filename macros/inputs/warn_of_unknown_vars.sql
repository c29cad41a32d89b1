{# dbt takes any --vars; a misspelt one would silently build on the defaults. #}
{% macro warn_of_unknown_vars() -%}
    {%- set known = known_vars() -%}
    {%- for given in invocation_args_dict.get('vars', {}) if given not in known -%}
        {%- do exceptions.warn(
            "Unknown var '" ~ given ~ "' has no effect. The nearest that exist: "
            ~ nearest(given, known)
        ) -%}
    {%- endfor -%}
{%- endmacro %}

{# The vars of dbt_project.yml; a test keeps the two lists equal. #}
{% macro known_vars() -%}
    {{- return([
        'events', 'users', 'sessions', 'excluded_users', 'event_columns', 'user_columns',
        'session_columns', 'duplicate_rows', 'loaded_until', 'reporting_timezone',
        'as_of_date', 'session_timeout_minutes', 'passive_events', 'segments', 'activation',
        'funnels', 'retention_periods', 'confidence_level_z', 'churn', 'engagement_tiers',
        'week_start', 'retention_brackets', 'stickiness_windows', 'paths',
        'feature_adoption_weeks', 'conventions', 'churn_training_rows', 'churn_contact',
        'behavior_impact', 'behavior_segments', 'churn_model', 'lookback_days', 'changed_days',
    ]) -}}
{%- endmacro %}
