{#
    A convention on which PostHog, Mixpanel and Amplitude differ, as var conventions has it;
    metric_sensitivity shows what the others would give.

    tie_rule: whether steps at one instant `count` (in step order) or must be
    `strictly_increasing` in time. attempt_rule: a user's headline attempt is the `deepest`
    (then the earliest) or the `first`. averaging: a curve over cohorts is `pooled` (every
    user counts once) or the `mean` (every cohort does). window_basis: periods of retention
    are those of the `calendar` or `elapsed` since the user's own start.
#}
{% macro convention(name) -%}
    {%- set allowed = {
        'tie_rule': ['count', 'strictly_increasing'],
        'attempt_rule': ['deepest', 'first'],
        'averaging': ['pooled', 'mean'],
        'window_basis': ['calendar', 'elapsed'],
    } -%}
    {%- do require_one_of('convention', name, allowed.keys() | list) -%}
    {%- set given = var('conventions', {}) -%}
    {%- do require_keys('var conventions', given, allowed.keys() | list) -%}
    {%- set value = given.get(name, allowed[name][0]) -%}
    {%- do require_one_of('var conventions: ' ~ name, value, allowed[name]) -%}
    {{- return(value) -}}
{%- endmacro %}

{#
    Whether an attempt, of a relation with the columns of funnel_ranked, is its actor's
    headline. entry_order: a whole number that rises with the entries of an actor. The best
    attempt has the highest number of its actor, which takes no engine another order.
#}
{% macro is_headline_attempt(attempt_rule, entry_order='entry_order') -%}
    {%- do require_one_of('attempt_rule', attempt_rule, ['deepest', 'first']) -%}
    {%- set merit = '-' ~ entry_order if attempt_rule == 'first' else 'deepest_step * 1000000000000 - ' ~ entry_order -%}
    {{ merit }} = max({{ merit }}) over (partition by actor_id)
{%- endmacro %}

{#
    One rate over the cells of several cohorts; an aggregate. averaging: `pooled`, `mean`,
    or `squared`, in which Mixpanel weighs both counts by the size of the cohort once more.
#}
{% macro averaged_rate(averaging, retained, cohort) -%}
    {%- do require_one_of('averaging', averaging, ['pooled', 'mean', 'squared']) -%}
    {%- if averaging == 'pooled' -%}
    {{ safe_divide('sum(' ~ retained ~ ')', 'sum(' ~ cohort ~ ')') }}
    {%- elif averaging == 'mean' -%}
    {#- Rounded, as the sum of fractions depends in its last digit on their order. #}
    round(avg({{ safe_divide(retained, cohort) }}), 12)
    {%- else -%}
    {{ safe_divide('sum(' ~ retained ~ ' * ' ~ cohort ~ ')', 'sum(' ~ cohort ~ ' * ' ~ cohort ~ ')') }}
    {%- endif -%}
{%- endmacro %}

{# The columns of cohort_retention that a window basis reads: retained users, completeness. #}
{% macro retained_users_on(window_basis) -%}
    {%- do require_one_of('window_basis', window_basis, ['calendar', 'elapsed']) -%}
    {{- return('retained_users' if window_basis == 'calendar' else 'retained_elapsed_users') -}}
{%- endmacro %}

{% macro is_complete_on(window_basis) -%}
    {%- do require_one_of('window_basis', window_basis, ['calendar', 'elapsed']) -%}
    {{- return('is_complete' if window_basis == 'calendar' else 'is_elapsed_complete') -}}
{%- endmacro %}
