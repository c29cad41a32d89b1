-- Warns, by returning them, of what has drifted so far from what the model learned from that
-- its scores should be looked at. The build goes on: the users have changed, not the data.

{{ config(severity='warn') }}

select
    feature,
    psi,
    psi_by_chance,
    score_shift

from {{ ref('churn_drift') }}
where needs_attention
