-- One row per metric x convention: how far a headline number moves under the rules of other
-- tools. The headline is the rule of this project; the other rows call the same macros with
-- other arguments. Funnel metrics are of the first funnel of var funnels.

{% set definition = funnel_definitions()[0] %}
{% set steps = definition.steps %}
{% set last_step = required_steps(steps) | last %}
{% set period = 'week' if 'week' in var('retention_periods') else var('retention_periods').keys() | first %}
{% set period_number = [4, var('retention_periods')[period]] | min %}

{% set tie_rule = 'strictly_increasing' if definition.strictly_increasing else 'count' %}
{% set other_tie_rule = 'count' if definition.strictly_increasing else 'strictly_increasing' %}
{% set attempt_rule = convention('attempt_rule') %}
{% set other_attempt_rule = 'first' if attempt_rule == 'deepest' else 'deepest' %}
{% set averaging = convention('averaging') %}
{% set other_averaging = 'mean' if averaging == 'pooled' else 'pooled' %}
{% set basis = convention('window_basis') %}
{% set other_basis = 'elapsed' if basis == 'calendar' else 'calendar' %}

{% set rules = {
    'count': ['steps at one instant count in step order', 'PostHog, ClickHouse, Amplitude, Mixpanel'],
    'strictly_increasing': ['steps at one instant do not count', 'OpenPanel, ClickHouse strict_increase, Rybbit'],
    'deepest': ['the deepest attempt', 'Amplitude, PostHog, ClickHouse'],
    'first': ['the first attempt', 'Mixpanel'],
    'pooled': ['every user counts once', 'PostHog, Amplitude'],
    'mean': ['every cohort counts once', 'PostHog, as an option'],
    'calendar': ['calendar periods', 'PostHog'],
    'elapsed': ["periods since the user's own start", 'Amplitude, Mixpanel'],
} %}

{% set metrics = [
    {'metric': 'funnel ' ~ definition.name ~ ': conversion', 'unit': 'fraction', 'rows': {
        'conversion': [rules[attempt_rule][0] ~ ', ' ~ rules[tie_rule][0] ~ ', closed windows only', none],
        'conversion_other_attempt': rules[other_attempt_rule],
        'conversion_other_ties': rules[other_tie_rule],
        'conversion_open': ['open windows count as lost', 'PostHog, Mixpanel, Amplitude'],
    }},
    {'metric': 'funnel ' ~ definition.name ~ ': conversion of the last closed month', 'unit': 'fraction', 'rows': {
        'month': ['each user once, in the month of the headline attempt', none],
        'month_entered': ['attempts entered in the month, whenever they convert', 'Amplitude, Mixpanel'],
        'month_inside': ['all steps in the month', 'PostHog'],
    }},
    {'metric': 'funnel ' ~ definition.name ~ ': median seconds to convert', 'unit': 'seconds', 'rows': {
        'time': [rules[attempt_rule][0] ~ ', ' ~ rules[tie_rule][0], none],
        'time_other_attempt': rules[other_attempt_rule],
        'time_other_ties': rules[other_tie_rule],
        'time_mean': ['the mean instead of the median', 'PostHog'],
    }},
    {'metric': 'retention ' ~ period ~ ' ' ~ period_number, 'unit': 'fraction', 'rows': {
        'retention': [rules[basis][0] ~ ', ' ~ rules[averaging][0] ~ ', complete periods only', none],
        'retention_other_averaging': rules[other_averaging],
        'retention_squared': ['cohorts weighted by their size twice', 'Mixpanel'],
        'retention_incomplete': ['incomplete periods included', 'dbt_product_analytics'],
        'retention_other_basis': rules[other_basis],
        'retention_on_or_after': ['in the period or any later one', 'Mixpanel, dbt_product_analytics, Amplitude'],
        'retention_through': ['in every period up to it', "PostHog's modelling recipes"],
    }},
    {'metric': 'retention at the start (' ~ period ~ ' 0)', 'unit': 'fraction', 'rows': {
        'start': ['measured like any other period', none],
        'start_assumed': ['taken to be everyone', 'PostHog'],
    }},
    {'metric': 'WAU on the as_of_date', 'unit': 'users', 'rows': {
        'wau': ['trailing 7 days, activity only', none],
        'wau_passive': ['any event counts as activity', 'PostHog, Mixpanel'],
        'wau_calendar': ['the last complete calendar week', 'weekly charts of PostHog, Mixpanel, Amplitude'],
    }},
    {'metric': 'MAU on the as_of_date', 'unit': 'users', 'rows': {
        'mau': ['trailing 28 days, activity only', none],
        'mau_30': ['trailing 30 days', "PostHog, Mattermost's warehouse"],
        'mau_passive': ['any event counts as activity', 'PostHog, Mixpanel'],
        'mau_calendar': ['the last complete calendar month', 'monthly charts of PostHog, Mixpanel, Amplitude'],
    }},
    {'metric': 'stickiness on the as_of_date', 'unit': 'fraction', 'rows': {
        'stickiness': ['mean DAU of 28 days / MAU of the same 28', none],
        'stickiness_last_day': ['DAU of the last day / MAU', 'formulas in PostHog, Mixpanel, Amplitude'],
        'stickiness_30': ['mean DAU of 28 days / MAU of 30', 'who has MAU over 30 days'],
    }},
    {'metric': 'new users of the last complete week', 'unit': 'users', 'rows': {
        'new': ['first active in the week', none],
        'new_any_event': ['active in the week, first event of any kind in it', 'Amplitude, PostHog'],
    }},
] %}

with

{%- if definition.user_where %}

events as (

    select
        events.*,
        users.properties as user_properties

    from {{ ref('fct_events') }} as events
    left join {{ ref('dim_users') }} as users on events.user_id = users.user_id

),
{%- else %}

events as (

    select * from {{ ref('fct_events') }}

),
{%- endif %}

users as (

    select * from {{ ref('dim_users') }}

),

user_days as (

    select * from {{ ref('fct_user_days') }}

),

user_segments as (

    select * from {{ ref('dim_user_segments') }} where segment = 'all'

),

bounds as (

    select * from {{ ref('data_bounds') }}

),

cells as (

    select * from {{ ref('cohort_retention') }}
    where segment = 'all' and period = '{{ period }}' and period_number in (0, {{ period_number }})

),

complete_periods as (

    select * from {{ ref('lifecycle') }} where segment = 'all' and is_complete

),

closed_month as (

    select max(period_start) as month_start
    from {{ ref('funnel_trends') }}
    where funnel = {{ text_literal(definition.name) }}
        and segment = 'all'
        and period = 'month'
        and step_number = 1
        and is_matured

),

closed_week as (

    select
        max(case when period = 'week' then period_start end) as week_start,
        max(case when period = 'month' then period_start end) as month_start

    from complete_periods

),

events_of_month as (

    select events.*
    from events
    inner join closed_month
        on events.event_date >= closed_month.month_start
        and events.event_date < {{ add_periods('month', 'closed_month.month_start', 1) }}

),

step_events as (

    {{ funnel_step_events(
        'events', steps, definition.order, definition.exclusions, definition.count_by,
        definition.where, definition.user_where, carried=[]
    ) | indent(4) }}

),

-- Of all other actors the attempts are the same under either rule of ties.
tied_actors as (

    select actor_id
    from (
        select actor_id
        from step_events
        group by actor_id, event_time
        having count(*) > 1
    ) as ties
    group by actor_id

),

events_of_tied_actors as (

    select *
    from events
    where {{ definition.count_by }} in (select tied_actors.actor_id from tied_actors)

),

all_attempts as (

    select
        *,
        {% if attempt_rule == 'deepest' -%}
        is_headline as is_deepest
        {%- else -%}
        {{ is_headline_attempt('deepest', 'attempt_number') }} as is_deepest
        {%- endif %}

    from {{ ref('funnel_attempts') }}
    where funnel = {{ text_literal(definition.name) }}

),

attempts_entered_in_month as (

    select all_attempts.*
    from all_attempts
    inner join closed_month
        on {{ period_start('month', 'all_attempts.entry_date') }} = closed_month.month_start

),

{%- for name, relation, rule in [
    ('of_tied_actors', 'events_of_tied_actors', other_tie_rule),
    ('inside_month', 'events_of_month', tie_rule),
] %}

unranked_{{ name }} as (

    {{ funnel(
        relation,
        steps,
        window_seconds=definition.window_seconds,
        order=definition.order,
        strictly_increasing=(rule == 'strictly_increasing'),
        exclusions=definition.exclusions,
        count_by=definition.count_by,
        where=definition.where,
        user_where=definition.user_where,
        names_entries=false
    ) }}

),

attempts_{{ name }} as (

    {{ funnel_ranked('unranked_' ~ name, steps) }}

),
{%- endfor %}

{%- for name in ['entered_in_month', 'of_tied_actors', 'inside_month'] %}

{{ name }} as (

    select
        step_times,
        {{ is_headline_attempt('deepest', 'attempt_number') }} as is_deepest,
        {{ is_headline_attempt('first', 'attempt_number') }} as is_first,
        entered_at

    from attempts_{{ name }}

),
{%- endfor %}

attempts as (
{% for name, relation, condition in [
    ('all_attempts', 'all_attempts', none),
    ('other_ties', 'all_attempts', 'ranked.actor_id not in (select tied_actors.actor_id from tied_actors)'),
    ('other_ties', 'of_tied_actors', none),
    ('entered_in_month', 'entered_in_month', none),
    ('inside_month', 'inside_month', none),
] %}
    select
        '{{ name }}' as attempts_of,
        {{ array_element('ranked.step_times', last_step) }} as converted_at,
        ranked.is_deepest,
        ranked.is_first,
        {% if definition.window_seconds is none -%}
        true as is_matured,
        {%- else -%}
        {{ add_seconds('ranked.entered_at', definition.window_seconds) }} <= bounds.data_end as is_matured,
        {%- endif %}
        ranked.entered_at

    from {{ relation }} as ranked
    cross join bounds
    where (ranked.is_deepest or ranked.is_first)
        {%- if condition %}
        and {{ condition }}
        {%- endif %}
    {{ 'union all' if not loop.last }}
{%- endfor %}
),

-- Of whom a row of the result is made: attempts of one run, one per user.
choices as (
{% for row_key, attempts_of, rule, in_month in [
    ('conversion', 'all_attempts', attempt_rule, false),
    ('conversion_other_attempt', 'all_attempts', other_attempt_rule, false),
    ('conversion_other_ties', 'other_ties', attempt_rule, false),
    ('month', 'all_attempts', attempt_rule, true),
    ('month_entered', 'entered_in_month', attempt_rule, false),
    ('month_inside', 'inside_month', attempt_rule, false),
] %}
    select
        '{{ row_key }}' as row_key,
        '{{ attempts_of }}' as attempts_of,
        {{ 'true' if rule == 'deepest' else 'false' }} as by_deepest,
        {{ 'true' if in_month else 'false' }} as in_month
    {{ 'union all' if not loop.last }}
{%- endfor %}
),

chosen_attempts as (

    select
        choices.row_key,
        attempts.converted_at,
        attempts.is_matured,
        attempts.entered_at

    from attempts
    inner join choices on attempts.attempts_of = choices.attempts_of
    cross join closed_month
    where
        case when choices.by_deepest then attempts.is_deepest else attempts.is_first end
        and (
            not choices.in_month
            or {{ period_start('month', local_date('attempts.entered_at')) }} = closed_month.month_start
        )

),

measured_attempts as (

    select
        row_key,
        {{ safe_divide(
            'count(case when is_matured then converted_at end)', 'count(case when is_matured then 1 end)'
        ) }} as conversion,
        count(case when is_matured then 1 end) as matured_attempts,
        {{ safe_divide('count(converted_at)', 'count(*)') }} as conversion_open,
        count(*) as attempts,
        cast({{ exact_quantile(seconds_between('entered_at', 'converted_at'), 0.5) }} as double) as median_seconds,
        cast(round(avg({{ seconds_between('entered_at', 'converted_at') }}), 6) as double) as mean_seconds,
        count(converted_at) as converted_attempts

    from chosen_attempts
    group by row_key

),

-- The rows of the result, not a union, which engines may make of a run of funnels each.
funnel_values as (

    select
        case measures.measure
            when 'conversion' then measured_attempts.row_key
            when 'open' then 'conversion_open'
            when 'median' then replace(measured_attempts.row_key, 'conversion', 'time')
            when 'mean' then 'time_mean'
        end as row_key,
        case measures.measure
            when 'conversion' then measured_attempts.conversion
            when 'open' then measured_attempts.conversion_open
            when 'median' then measured_attempts.median_seconds
            when 'mean' then measured_attempts.mean_seconds
        end as value,
        case measures.measure
            when 'conversion' then measured_attempts.matured_attempts
            when 'open' then measured_attempts.attempts
            else measured_attempts.converted_attempts
        end as n

    from measured_attempts
    cross join (
        select 'conversion' as measure
        union all
        select 'open' as measure
        union all
        select 'median' as measure
        union all
        select 'mean' as measure
    ) as measures
    where
        measures.measure = 'conversion'
        or measured_attempts.row_key = 'conversion'
        or (measures.measure = 'median' and measured_attempts.row_key like 'conversion%')

),

retention_values as (
{% for row_key, number, method, retained, complete in [
    ('retention', period_number, averaging, retained_users_on(basis), is_complete_on(basis)),
    ('retention_other_averaging', period_number, other_averaging, retained_users_on(basis), is_complete_on(basis)),
    ('retention_squared', period_number, 'squared', retained_users_on(basis), is_complete_on(basis)),
    ('retention_incomplete', period_number, averaging, retained_users_on(basis), 'true'),
    ('retention_other_basis', period_number, averaging, retained_users_on(other_basis), is_complete_on(other_basis)),
    ('retention_on_or_after', period_number, averaging, 'retained_on_or_after_users', 'is_complete'),
    ('retention_through', period_number, averaging, 'retained_through_users', 'is_complete'),
    ('start', 0, averaging, retained_users_on(basis), is_complete_on(basis)),
    ('start_assumed', 0, averaging, 'cohort_users', is_complete_on(basis)),
] %}
    select
        '{{ row_key }}' as row_key,
        {{ averaged_rate(method, retained, 'cohort_users') }} as value,
        coalesce(sum(cohort_users), 0) as n

    from cells
    where period_number = {{ number }} and {{ complete }}
    {{ 'union all' if not loop.last }}
{%- endfor %}
),

-- Only the as_of_date is asked for, and no window is longer than these 30 days.
recent as (

    select
        greatest(data_start_date, {{ add_days('as_of_date', -29) }}) as first_date,
        as_of_date

    from bounds

),

dates as (

    select {{ date_series('first_date', 'as_of_date') }} as activity_date
    from recent

),

recent_days as (

    select
        user_days.user_id,
        user_days.activity_date

    from user_days
    inner join recent
        on user_days.activity_date >= recent.first_date and user_days.activity_date <= recent.as_of_date

),

days_of_any_event as (

    select
        events.user_id,
        events.event_date as activity_date

    from events
    inner join recent
        on events.event_date >= recent.first_date and events.event_date <= recent.as_of_date
    group by events.user_id, events.event_date

),

trailing_users as (

    {{ active_users('recent_days', 'user_segments', 'dates', {'dau': 1, 'wau': 7, 'mau': 28, 'mau_30': 30}) }}

),

trailing_of_any_event as (

    {{ active_users('days_of_any_event', 'user_segments', 'dates', {'wau': 7, 'mau': 28}) }}

),

trailing_rates as (

    select
        *,
        {{ dau_per_mau('dau', 'mau', 'segment, segment_value', 'activity_date') }} as stickiness,
        {{ dau_per_mau('dau', 'mau_30', 'segment, segment_value', 'activity_date') }} as stickiness_30,
        {{ safe_divide('dau', 'mau') }} as stickiness_last_day

    from trailing_users

),

activity_values as (
{% for relation, values in {
    'trailing_rates': [
        ('wau', 'wau', 'wau'),
        ('mau', 'mau', 'mau'),
        ('mau_30', 'mau_30', 'mau_30'),
        ('stickiness', 'stickiness', 'mau'),
        ('stickiness_30', 'stickiness_30', 'mau_30'),
        ('stickiness_last_day', 'stickiness_last_day', 'mau'),
    ],
    'trailing_of_any_event': [('wau_passive', 'wau', 'wau'), ('mau_passive', 'mau', 'mau')],
}.items() %}
    select
        names.row_key,
        case names.row_key
            {%- for row_key, value, n in values %}
            when '{{ row_key }}' then cast(counted.{{ value }} as double)
            {%- endfor %}
        end as value,
        case names.row_key
            {%- for row_key, value, n in values %}
            when '{{ row_key }}' then counted.{{ n }}
            {%- endfor %}
        end as n

    from {{ relation }} as counted
    inner join bounds on counted.activity_date = bounds.as_of_date
    cross join (
        {%- for row_key, value, n in values %}
        select '{{ row_key }}' as row_key
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    ) as names
    union all
{%- endfor %}
{%- for row_key, value, kind in [
    ('wau_calendar', 'active_users', 'week'),
    ('mau_calendar', 'active_users', 'month'),
    ('new', 'new_users', 'week'),
] %}
    select
        '{{ row_key }}' as row_key,
        cast(complete_periods.{{ value }} as double) as value,
        complete_periods.{{ value }} as n

    from complete_periods
    inner join closed_week on complete_periods.period_start = closed_week.{{ kind }}_start
    where complete_periods.period = '{{ kind }}'
    union all
{%- endfor %}
    select
        'new_any_event' as row_key,
        cast(count(distinct users.user_id) as double) as value,
        count(distinct users.user_id) as n

    from users
    inner join closed_week
        on {{ period_start('week', local_date('users.first_event_at')) }} = closed_week.week_start
    inner join user_days
        on users.user_id = user_days.user_id
        and user_days.activity_date >= closed_week.week_start
        and user_days.activity_date < {{ add_periods('week', 'closed_week.week_start', 1) }}

),

measured as (

    select * from funnel_values
    union all
    select * from retention_values
    union all
    select * from activity_values

),

-- The list is written out, so that a metric keeps its rows where there is nothing to count.
conventions as (
{% for each in metrics %}
    {%- set outer_loop = loop %}
    {%- for row_key, row in each.rows.items() %}
    select
        '{{ row_key }}' as row_key,
        {{ text_literal(each.metric) }} as metric,
        {{ text_literal(row[0]) }} as convention,
        {{ text_literal('this project' if loop.first else row[1]) }} as tools,
        '{{ each.unit }}' as unit,
        {{ 'true' if loop.first else 'false' }} as is_headline
    {{ 'union all' if not (loop.last and outer_loop.last) }}
    {%- endfor %}
{%- endfor %}
),

final as (

    select
        conventions.metric,
        conventions.convention,
        conventions.tools,
        conventions.unit,
        cast(coalesce(measured.n, 0) as bigint) as n,
        measured.value,
        measured.value - max(case when conventions.is_headline then measured.value end) over (
            partition by conventions.metric
        ) as difference_from_headline,
        conventions.is_headline

    from conventions
    left join measured on conventions.row_key = measured.row_key

)

select * from final
