{#
    The marts over a range of days and some values of a segment, as table functions: they
    read marts and no events, so they answer at once whatever the history. A mart has its
    totals ready; what a part of it adds up to is counted here, by the macros that the
    marts call.

    Arguments that all share: segment, segment_values (NULL: all), by_value (a row for each
    of them; false: one for all together), date_from, date_to (both included; a period
    counts that holds the first). Columns are qualified wherever a parameter has their name.
#}

{#
    CTE: the rows of a relation of users that are selected, with the slice_value that they
    count under. Whoever asks about everyone joins nothing. by_value: SQL, a parameter.
    The relation is to be a CTE that is `not materialized`, as one of two branches is run.
#}
{% macro chosen_of(relation, by_value='by_value') -%}
    chosen as (

        select
            {{ relation }}.*,
            'all' as slice_value

        from {{ relation }}
        where
            segment = 'all'
            and (segment_values is null or list_contains(segment_values, 'all'))
        union all by name
        select
            {{ relation }}.*,
            case when {{ by_value }} then chosen_values.segment_value else 'all' end as slice_value

        from {{ relation }}
        inner join (
            select
                user_slices.user_id,
                user_slices.segment_value

            from user_segment_values as user_slices
            where {{ is_chosen('user_slices') | indent(16) }}
        ) as chosen_values on {{ relation }}.user_id = chosen_values.user_id
        where segment <> 'all'

    )
{%- endmacro %}

{# Of a mart that has slices: the rows that are selected. A check beside them is skipped where there are none. #}
{% macro is_chosen(mart) -%}
    case when is_one_of('segment', segment, {{ known_segments() }}) then {{ mart }}.segment = segment end
    and (segment_values is null or list_contains(segment_values, {{ mart }}.segment_value))
{%- endmacro %}

{# The names of segments, from a mart that is small. #}
{% macro known_segments() -%}
    (
        select list_concat(['all'], coalesce(list(distinct days.segment order by days.segment), []))
        from daily_active as days
        where days.segment <> 'all'
    )
{%- endmacro %}

{% macro is_given_period(mart) -%}
    case when is_one_of('period', period, ['day', 'week', 'month']) then {{ mart }}.period = period end
{%- endmacro %}

{% macro is_in_range(date) -%}
    (date_from is null or {{ date }} >= cast(date_from as date))
    and (date_to is null or {{ date }} <= cast(date_to as date))
{%- endmacro %}

{# A period counts that begins in the range, or holds its first day. #}
{% macro is_period_in_range(start) -%}
    (date_from is null or {{ start }} >= {{ given_period_start('cast(date_from as date)') }})
    and (date_to is null or {{ start }} <= cast(date_to as date))
{%- endmacro %}

{# The start of the period, of the length that the parameter period names. #}
{% macro given_period_start(date) -%}
    case
        when is_one_of('period', period, ['day', 'week', 'month']) then case period
            when 'day' then {{ period_start('day', date) }}
            when 'week' then {{ period_start('week', date) }}
            else {{ period_start('month', date) }}
        end
    end
{%- endmacro %}

{% macro daily_active_in_function() -%}
    with

    days as (

        select
            case when by_value then mart.segment_value else 'all' end as slice_value,
            {%- for column in ['dau', 'wau', 'mau'] + lifecycle_columns()[:4] + ['sessions', 'events'] %}
            cast(sum(mart.{{ column }}) as bigint) as {{ column }},
            {%- endfor %}
            bool_and(mart.is_complete) as is_complete,
            bool_and(mart.is_full_window_wau) as is_full_window_wau,
            bool_and(mart.is_full_window_mau) as is_full_window_mau,
            mart.activity_date

        from daily_active as mart
        where {{ is_chosen('mart') }}
        group by 1, mart.activity_date

    ),

    with_stickiness as (

        select
            days.*,
            {{ dau_per_mau('days.dau', 'days.mau', 'days.slice_value', 'days.activity_date') }} as stickiness

        from days

    )

    select
        with_stickiness.slice_value as segment_value,
        with_stickiness.* exclude (slice_value)

    from with_stickiness
    where {{ is_in_range('with_stickiness.activity_date') }}
    order by with_stickiness.slice_value, with_stickiness.activity_date
{%- endmacro %}

{% macro lifecycle_columns() -%}
    {{- return(['new_users', 'returning_users', 'resurrected_users', 'dormant_users', 'active_users']) -}}
{%- endmacro %}

{% macro lifecycle_in_function() -%}
    with

    states as (

        select
            case when by_value then mart.segment_value else 'all' end as slice_value,
            {%- for column in lifecycle_columns() %}
            cast(sum(mart.{{ column }}) as bigint) as {{ column }},
            {%- endfor %}
            bool_and(mart.is_complete) as is_complete,
            mart.period_start

        from lifecycle as mart
        where
            {{ is_given_period('mart') }}
            and {{ is_chosen('mart') }}
            and {{ is_period_in_range('mart.period_start') }}
        group by 1, mart.period_start

    )

    select
        states.slice_value as segment_value,
        states.* exclude (slice_value),
        {{ safe_divide('states.new_users + states.resurrected_users', 'states.dormant_users') }} as quick_ratio

    from states
    order by states.slice_value, states.period_start
{%- endmacro %}

{% macro stickiness_in_function() -%}
    with

    counted as (

        select
            case when by_value then mart.segment_value else 'all' end as slice_value,
            mart.active_days,
            cast(sum(mart.users_exact) as bigint) as users_exact,
            cast(sum(mart.users_at_least) as bigint) as users_at_least,
            cast(sum(mart.active_users) as bigint) as active_users,
            bool_and(mart.is_full_window) as is_full_window,
            mart.as_of_date

        from stickiness as mart
        where
            mart.window_days = window_days
            and {{ is_chosen('mart') }}
            and {{ is_in_range('mart.as_of_date') }}
        group by 1, mart.active_days, mart.as_of_date

    )

    select
        counted.slice_value as segment_value,
        counted.* exclude (slice_value),
        {{ safe_divide('counted.users_exact', 'counted.active_users') }} as share_exact,
        {{ safe_divide('counted.users_at_least', 'counted.active_users') }} as share_at_least

    from counted
    order by counted.slice_value, counted.as_of_date, counted.active_days
{%- endmacro %}

{% macro activation_in_function() -%}
    with

    sign_ups as not materialized (

        select
            mart.*,
            {{ given_period_start(local_date('mart.signed_up_at')) }} as period_start

        from activation as mart

    ),

    {{ chosen_of('sign_ups') }},

    counted as (

        select
            chosen.slice_value,
            count(*) as signed_up_users,
            count(case when chosen.is_matured then 1 end) as matured_users,
            count(case when chosen.is_matured and chosen.is_activated then 1 end) as activated_users,
            {{ exact_quantile('case when chosen.is_matured then chosen.seconds_to_activate end', 0.5) }}
                as median_seconds_to_activate,
            bool_and(chosen.is_matured) as is_matured,
            chosen.period_start

        from chosen
        where {{ is_period_in_range('chosen.period_start') }}
        group by chosen.slice_value, chosen.period_start

    )

    select
        counted.slice_value as segment_value,
        counted.* exclude (slice_value),
        {{ safe_divide('counted.activated_users', 'counted.matured_users') }} as activation_rate,
        {{ wilson_interval('counted.activated_users', 'counted.matured_users', 'low') }} as ci_low,
        {{ wilson_interval('counted.activated_users', 'counted.matured_users', 'high') }} as ci_high

    from counted
    order by counted.slice_value, counted.period_start
{%- endmacro %}

{#
    The headline attempt of each actor among those whose entry lies in the range; over all
    days these are the mart's own.
#}
{% macro funnel_users_in_function() -%}
    {#- A number that orders by depth, then from the first attempt on, is told apart faster than a row. -#}
    {%- set most_attempts = 1000000000 -%}
    with

    headline as not materialized (

        select mart.* exclude (is_headline, is_first)
        from funnel_attempts as mart
        where
            mart.funnel = funnel
            and mart.is_headline
            and {{ covers_all_days() }}
        union all by name
        select mart.* exclude (is_headline, is_first)
        from funnel_attempts as mart
        where mart.rowid in (
            select
                {%- if convention('attempt_rule') == 'deepest' %}
                arg_max(
                    entered.rowid,
                    cast(entered.deepest_step as bigint) * {{ most_attempts }} - entered.attempt_number
                )
                {%- else %}
                arg_min(entered.rowid, entered.attempt_number)
                {%- endif %}

            from funnel_attempts as entered
            where
                entered.funnel = funnel
                and {{ is_in_range('entered.entry_date') }}
                and not {{ covers_all_days() }}
            group by entered.actor_id
        )

    ),

    {{ chosen_of('headline') }}

    select
        chosen.slice_value as segment_value,
        chosen.* exclude (slice_value)

    from chosen
    union all by name
    select
        case when is_one_of('funnel', funnel, known_funnels.names) then '' end as segment_value,
        funnel as user_id

    from (
        select coalesce(list(distinct mart.funnel order by mart.funnel), []) as names
        from funnel_steps as mart
    ) as known_funnels
    where not coalesce(list_contains(known_funnels.names, funnel), false)
{%- endmacro %}

{# Whether the range leaves no day of the data out. #}
{% macro covers_all_days() -%}
    (
        select coalesce(
            (date_from is null or cast(date_from as date) <= {{ local_date('build_info.data_start') }})
            and (date_to is null or cast(date_to as date) >= {{ local_date('build_info.data_end') }}),
            false
        )
        from build_info
    )
{%- endmacro %}

{# CTEs: the steps of the funnel, and its attempts by the columns given. #}
{% macro counted_funnel_in(columns) -%}
    attempts as (

        select
            headline.segment_value as slice_value,
            {%- if 'period_start' in columns %}
            {{ given_period_start('headline.entry_date') }} as period_start,
            {%- endif %}
            headline.*

        from funnel_users_in(
            funnel, segment := segment, segment_values := segment_values, by_value := by_value,
            date_from := date_from, date_to := date_to
        ) as headline

    ),

    step_list as (

        select
            mart.step_number,
            mart.step_name,
            mart.is_optional,
            {{ previous_required_step('mart.step_number', 'mart.is_optional') }} as previous_number

        from funnel_steps as mart
        where
            mart.funnel = funnel
            and mart.segment = 'all'

    ),

    counted as (

        {{ funnel_step_counts('attempts', 'step_list', columns) | indent(8) }}

    )
{%- endmacro %}

{% macro funnel_steps_in_function() -%}
    with

    {{ counted_funnel_in(['slice_value']) }}

    select
        counted.slice_value as segment_value,
        counted.step_number,
        counted.step_name,
        counted.entered_users,
        {{ funnel_step_columns('counted') }},
        {{ safe_divide('counted.dropped_users', 'counted.entered_users') }} as dropped_share,
        {{ safe_divide('counted.pending_users', 'counted.entered_users') }} as pending_share,
        {{ drop_out_columns('counted') }},
        counted.is_optional

    from counted
    order by counted.slice_value, counted.step_number
{%- endmacro %}

{#
    Of those who reached the step before and have had their time: the share that went no
    further. An optional step loses nobody.
#}
{% macro drop_out_columns(counted) -%}
    {%- set n -%}
    case
        when {{ counted }}.previous_number is not null and not {{ counted }}.is_optional
            then {{ counted }}.matured_previous_users
    end
    {%- endset %}
    {{- n }} as matured_previous_users,
    {{ safe_divide(counted ~ '.dropped_users', n) }} as drop_out_rate,
    {{ wilson_interval(counted ~ '.dropped_users', n, 'low') }} as drop_out_ci_low,
    {{ wilson_interval(counted ~ '.dropped_users', n, 'high') }} as drop_out_ci_high
{%- endmacro %}

{% macro funnel_trends_in_function() -%}
    with

    {{ counted_funnel_in(['slice_value', 'period_start']) }}

    select
        counted.slice_value as segment_value,
        counted.step_number,
        counted.step_name,
        counted.entered_users,
        {{ funnel_step_columns('counted') }},
        counted.matured_entrants = counted.entered_users as is_matured,
        counted.period_start

    from counted
    order by counted.slice_value, counted.step_number, counted.period_start
{%- endmacro %}

{% macro time_to_convert_in_function() -%}
    with

    attempts as (

        select headline.*
        from funnel_users_in(
            funnel, segment := segment, segment_values := segment_values, by_value := false,
            date_from := date_from, date_to := date_to
        ) as headline

    ),

    bins as (

        {{ time_to_convert_bins('attempts', 'from_step', 'to_step') | indent(8) }}

    )

    select
        bins.bin_start,
        bins.users

    from bins
    order by bins.bin_start
{%- endmacro %}

{# {argument retained: the columns of cohort_retention that it counts and is complete by}. #}
{% macro kinds_of_retained() -%}
    {%- set basis = convention('window_basis') -%}
    {{- return({
        'on': [retained_users_on(basis), is_complete_on(basis)],
        'on_or_after': ['retained_on_or_after_users', 'is_complete'],
        'through': ['retained_through_users', 'is_complete'],
    }) -}}
{%- endmacro %}

{% macro cohort_retention_in_function() -%}
    {%- set kinds = kinds_of_retained() -%}
    with

    cells as (

        select
            case when by_value then mart.segment_value else 'all' end as slice_value,
            mart.period_number,
            cast(sum(mart.cohort_users) as bigint) as cohort_users,
            cast(sum(
                case
                    when is_one_of('retained', retained, ['{{ kinds | join("', '") }}']) then case retained
                        {%- for kind, columns in kinds.items() %}
                        when '{{ kind }}' then mart.{{ columns[0] }}
                        {%- endfor %}
                    end
                end
            ) as bigint) as retained_users,
            bool_and(
                case retained
                    {%- for kind, columns in kinds.items() %}
                    when '{{ kind }}' then mart.{{ columns[1] }}
                    {%- endfor %}
                end
            ) as is_complete,
            mart.cohort_start

        from cohort_retention as mart
        where
            {{ is_given_period('mart') }}
            and {{ is_chosen('mart') }}
            and {{ is_period_in_range('mart.cohort_start') }}
        group by 1, mart.cohort_start, mart.period_number
        having sum(mart.cohort_users) > 0

    )

    select
        cells.slice_value as segment_value,
        cells.* exclude (slice_value),
        {{ safe_divide('cells.retained_users', 'cells.cohort_users') }} as retention_rate,
        {{ wilson_interval('cells.retained_users', 'cells.cohort_users', 'low') }} as ci_low,
        {{ wilson_interval('cells.retained_users', 'cells.cohort_users', 'high') }} as ci_high

    from cells
    order by cells.slice_value, cells.cohort_start, cells.period_number
{%- endmacro %}

{% macro retention_curves_in_function() -%}
    with

    pooled as (

        select
            cells.segment_value as slice_value,
            cells.period_number,
            count(*) as cohorts,
            cast(sum(cells.cohort_users) as bigint) as cohort_users,
            cast(sum(cells.retained_users) as bigint) as retained_users,
            {{ averaged_rate(convention('averaging'), 'cells.retained_users', 'cells.cohort_users') }} as retention_rate

        from cohort_retention_in(
            period, segment := segment, segment_values := segment_values, by_value := by_value,
            date_from := date_from, date_to := date_to, retained := retained
        ) as cells
        where cells.is_complete
        group by cells.segment_value, cells.period_number

    )

    select
        pooled.slice_value as segment_value,
        pooled.* exclude (slice_value),
        {{ wilson_interval('pooled.retained_users', 'pooled.cohort_users', 'low') }} as ci_low,
        {{ wilson_interval('pooled.retained_users', 'pooled.cohort_users', 'high') }} as ci_high

    from pooled
    order by pooled.slice_value, pooled.period_number
{%- endmacro %}

{# Brackets of retention pooled over the cohorts whose bracket is over. #}
{% macro retention_brackets_in_function() -%}
    with

    cells as (

        select
            case when by_value then mart.segment_value else 'all' end as slice_value,
            mart.first_period_number,
            mart.last_period_number,
            sum(mart.cohort_users) as cohort_users,
            sum(mart.retained_users) as retained_users,
            bool_and(mart.is_complete) as is_complete,
            mart.cohort_start

        from retention_brackets as mart
        where
            {{ is_given_period('mart') }}
            and {{ is_chosen('mart') }}
            and {{ is_period_in_range('mart.cohort_start') }}
        group by 1, mart.first_period_number, mart.last_period_number, mart.cohort_start

    ),

    pooled as (

        select
            cells.slice_value,
            cells.first_period_number,
            cells.last_period_number,
            count(case when cells.is_complete then 1 end) as cohorts,
            cast(coalesce(sum(case when cells.is_complete then cells.cohort_users end), 0) as bigint) as cohort_users,
            cast(coalesce(sum(case when cells.is_complete then cells.retained_users end), 0) as bigint) as retained_users,
            {{ averaged_rate(
                convention('averaging'),
                'case when cells.is_complete then cells.retained_users end',
                'case when cells.is_complete then cells.cohort_users end',
            ) }} as retention_rate

        from cells
        group by cells.slice_value, cells.first_period_number, cells.last_period_number

    )

    select
        pooled.slice_value as segment_value,
        pooled.* exclude (slice_value),
        {{ wilson_interval('pooled.retained_users', 'pooled.cohort_users', 'low') }} as ci_low,
        {{ wilson_interval('pooled.retained_users', 'pooled.cohort_users', 'high') }} as ci_high

    from pooled
    order by pooled.slice_value, pooled.first_period_number, pooled.last_period_number
{%- endmacro %}
