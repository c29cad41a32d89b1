-- Warns of models whose ROC AUC is above 0.95 where a rule of recency alone has less than 0.9:
-- most likely a feature knows the label. See leakage_warning in ml/evaluate.py.

{{ config(severity='warn') }}

select
    model,
    split,
    metric,
    value

from {{ ref('churn_model_metrics') }}
where metric = 'leakage_warning'
    and value = 1
