-- One row per user x as_of_date ever scored: what the first build that scored them said, and
-- the last. Rows of earlier as_of_dates are kept, also where the build database is new and
-- only the published file remembers them.

{% set is_rewritable = target.type != 'spark' %}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert' if is_rewritable else 'append',
    unique_key=['user_id', 'as_of_date'],
    on_schema_change='append_new_columns',
    full_refresh=false
) }}

{% set first_columns = [
    'first_model_version', 'first_risk_band', 'first_churn_probability', 'horizon_days',
] %}
{% set last_columns = [
    'last_model_version', 'last_risk_band', 'last_churn_probability', 'is_new_user',
] %}
{% set columns = ['user_id'] + first_columns + last_columns + ['as_of_date'] %}
{% set published = none if is_incremental() else published_table('churn_score_history') %}

with

scores as (

    select * from {{ ref('churn_scores') }} where churn_probability is not null

),

said_now as (

    select
        user_id,
        model_version as first_model_version,
        risk_band as first_risk_band,
        churn_probability as first_churn_probability,
        cast({{ churn_definition().horizon_days }} as bigint) as horizon_days,
        model_version as last_model_version,
        risk_band as last_risk_band,
        churn_probability as last_churn_probability,
        is_new_user,
        as_of_date

    from scores

),

said_before as (

    {% if is_incremental() %}
    select {{ columns | join(', ') }} from {{ this }}
    {% elif published %}
    select {{ columns | join(', ') }} from {{ published }}
    {% else %}
    select * from said_now where false
    {% endif %}

),

said_again as (

    select
        said_now.user_id,
        {%- for column in first_columns %}
        coalesce(said_before.{{ column }}, said_now.{{ column }}) as {{ column }},
        {%- endfor %}
        {%- for column in last_columns %}
        said_now.{{ column }},
        {%- endfor %}
        said_now.as_of_date

    from said_now
    left join said_before
        on said_now.user_id = said_before.user_id
        and said_now.as_of_date = said_before.as_of_date
    {%- if is_incremental() and not is_rewritable %}
    -- Rows cannot be replaced here: of a user x as_of_date the first score is kept.
    where said_before.user_id is null
    {%- endif %}

),

final as (

    select * from said_again
    {%- if not is_incremental() %}
    union all
    select said_before.*
    from said_before
    left join said_now
        on said_before.user_id = said_now.user_id
        and said_before.as_of_date = said_now.as_of_date
    where said_now.user_id is null
    {%- endif %}

)

select * from final
