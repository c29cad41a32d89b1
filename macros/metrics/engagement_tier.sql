{#
    How much a user uses the product at the end of a day; each user has exactly one tier.
    Windows of 28 and 84 days include the day; thresholds are var engagement_tiers.

    tenure_days: since the first active day; new users have not had the time to be others.
#}
{% macro engagement_tier(active_days_28, active_days_84, tenure_days) -%}
    {%- set tiers = engagement_tiers() -%}
    case
        when {{ active_days_84 }} = 0 then 'lost'
        when {{ active_days_28 }} = 0 then 'dormant'
        when {{ tenure_days }} < {{ tiers.new_tenure_days }} then 'new'
        when {{ active_days_28 }} >= {{ tiers.power_days }} then 'power'
        when {{ active_days_28 }} >= {{ tiers.core_days }} then 'core'
        when {{ active_days_28 }} >= {{ tiers.casual_days }} then 'casual'
        else 'one-off'
    end
{%- endmacro %}
