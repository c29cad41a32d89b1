-- Estimates lie in their intervals and in [-1, 1], q is at least p, and who is confirmed was
-- found by the earlier cohorts and by the later ones, in one direction.

{% set differences = {
    'adjusted_risk_difference': ['ci_low', 'ci_high'],
    'confirmed_risk_difference': ['confirmed_ci_low', 'confirmed_ci_high'],
    'independent_risk_difference': ['independent_ci_low', 'independent_ci_high'],
    'impact': ['impact_ci_low', 'impact_ci_high'],
} %}

select *
from {{ ref('behavior_impact') }}
where q_value < p_value
    {%- for difference, ends in differences.items() %}
    or {{ difference }} not between {{ ends[0] }} and {{ ends[1] }}
    or {{ ends[0] }} < -1
    or {{ ends[1] }} > 1
    or ({{ difference }} is null) <> ({{ ends[0] }} is null)
    {%- endfor %}
    or (left_out_reason is null) <> (adjusted_risk_difference is not null)
    or (
        is_confirmed
        and not coalesce(
            q_value < {{ var('behavior_impact').false_discovery_rate }}
            and adjusted_risk_difference * confirmed_risk_difference > 0
            and confirmed_ci_low * confirmed_ci_high > 0, false
        )
    )
