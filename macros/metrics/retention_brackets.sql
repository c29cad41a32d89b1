{#
    Retention by brackets of periods: users of a cohort who were active in any period of
    the bracket, per cohort x segment x segment_value x bracket. Brackets that no cohort
    has reached yet are there with is_complete false.

    brackets: list of [first, last] period numbers, e.g. [[0, 0], [1, 3], [4, 7]]; they may
    overlap or leave gaps. The other arguments are those of retention.
#}
{% macro retention_brackets(period, cohorts, user_days, user_segments, bounds, brackets, week_start=none) -%}
    with

    {{ retention_of_days(period, cohorts, user_days, bounds, week_start) }},

    {{ retention_in_brackets(period, 'members', 'active_periods', user_segments, 'period_bounds', brackets) }}
{%- endmacro %}

{# CTEs and query of retention_brackets, from user x cohort and user x active period. #}
{% macro retention_in_brackets(
    period, members, active_periods, user_segments, period_bounds, brackets, all_cohorts=false
) -%}
    {%- do check_brackets(brackets) -%}
    {{ retention_member_periods(period, members, active_periods) }},

    bracket_list as (
    {% for bracket in brackets %}
        select
            {{ bracket[0] }} as first_period_number,
            {{ bracket[1] }} as last_period_number
        {{- '\n        union all' if not loop.last }}
    {%- endfor %}

    ),

    member_brackets as (

        select
            member_periods.user_id,
            member_periods.cohort_start,
            bracket_list.first_period_number,
            bracket_list.last_period_number

        from member_periods
        inner join bracket_list
            on member_periods.period_number >= bracket_list.first_period_number
            and member_periods.period_number <= bracket_list.last_period_number
        group by
            member_periods.user_id,
            member_periods.cohort_start,
            bracket_list.first_period_number,
            bracket_list.last_period_number

    ),

    retained as (

        select
            user_segments.segment,
            user_segments.segment_value,
            member_brackets.first_period_number,
            member_brackets.last_period_number,
            count(*) as retained_users,
            member_brackets.cohort_start

        from member_brackets
        inner join {{ user_segments }} as user_segments
            on member_brackets.user_id = user_segments.user_id
        group by
            user_segments.segment,
            user_segments.segment_value,
            member_brackets.first_period_number,
            member_brackets.last_period_number,
            member_brackets.cohort_start

    ),

    {{ retention_cohort_sizes(period, members, user_segments, period_bounds, all_cohorts) }}

    select
        cohort_list.segment,
        cohort_list.segment_value,
        bracket_list.first_period_number,
        bracket_list.last_period_number,
        cohort_list.cohort_users,
        coalesce(retained.retained_users, 0) as retained_users,
        {{ add_periods(period, 'cohort_list.cohort_start', 'bracket_list.last_period_number + 1') }} <= period_bounds.complete_until
        and (
            {{ add_periods(period, 'cohort_list.cohort_start', 'bracket_list.first_period_number') }} >= period_bounds.reaches_back_to
            or cohort_list.cohort_start = period_bounds.first_period
        ) as is_complete,
        cohort_list.cohort_start

    from cohort_list
    cross join bracket_list
    cross join {{ period_bounds }} as period_bounds
    left join retained
        on cohort_list.segment = retained.segment
        and cohort_list.segment_value = retained.segment_value
        and bracket_list.first_period_number = retained.first_period_number
        and bracket_list.last_period_number = retained.last_period_number
        and cohort_list.cohort_start = retained.cohort_start
{%- endmacro %}

{% macro check_brackets(brackets) -%}
    {%- if not brackets or brackets is string or brackets is mapping -%}
        {%- do exceptions.raise_compiler_error(
            'brackets: got ' ~ brackets ~ ', allowed is a list of [first, last] period numbers'
        ) -%}
    {%- endif -%}
    {%- for bracket in brackets -%}
        {%- if bracket is string or bracket is not iterable or bracket | length != 2
            or bracket[0] is not integer or bracket[1] is not integer or not (0 <= bracket[0] <= bracket[1]) -%}
            {%- do exceptions.raise_compiler_error(
                'brackets: got ' ~ bracket ~ ', each is [first, last] with 0 <= first <= last'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}
