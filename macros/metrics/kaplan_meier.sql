{#
    The Kaplan-Meier estimate per segment x segment_value x day 0 to last_day: of those who
    were still away and looked at on a day, the share who returned on it thins out the
    share away. Who is no longer looked at (censored) leaves the count without a return;
    a return on the last day on which somebody is looked at still counts.

    times: segment, segment_value, days (from the start to the return, or as long as the
    user was looked at), is_return. Rows must be independent: one per user.

    The interval is Greenwood's on the log-log scale, which stays inside [0, 1]; there is
    none before the first return and once all have returned. Nothing is said of days on
    which nobody was looked at any more, unless all had returned before.
#}
{% macro kaplan_meier(times, last_day) -%}
    {%- set z = var('confidence_level_z') -%}
    {%- set at_risk = 'cast(at_risk_users as double)' -%}
    {%- set width = z ~ ' * sqrt(greenwood) / log_away_rate' -%}
    with

    slices as (

        select
            segment,
            segment_value

        from {{ times }}
        group by segment, segment_value

    ),

    slice_days as (

        select
            segment,
            segment_value,
            {{ number_series(0, last_day) }} as day

        from slices

    ),

    counts as (

        select
            segment,
            segment_value,
            days,
            count(case when is_return then 1 end) as returned_users,
            count(case when not is_return then 1 end) as censored_users

        from {{ times }}
        group by segment, segment_value, days

    ),

    days as (

        select
            slice_days.segment,
            slice_days.segment_value,
            cast(slice_days.day as bigint) as day,
            coalesce(counts.returned_users, 0) as returned_users,
            coalesce(counts.censored_users, 0) as censored_users

        from slice_days
        left join counts
            on slice_days.segment = counts.segment
            and slice_days.segment_value = counts.segment_value
            and slice_days.day = counts.days

    ),

    risk_sets as (

        select
            *,
            cast(sum(returned_users + censored_users) over (
                partition by segment, segment_value
                order by day
                rows between current row and unbounded following
            ) as bigint) as at_risk_users

        from days

    ),

    products as (

        select
            *,
            sum(
                case
                    when at_risk_users > returned_users
                        then ln(1 - returned_users / {{ at_risk }})
                    else 0
                end
            ) over so_far as log_away_rate,
            sum(
                case
                    when at_risk_users > returned_users
                        then returned_users / ({{ at_risk }} * (at_risk_users - returned_users))
                    else 0
                end
            ) over so_far as greenwood,
            max(
                case when returned_users > 0 and at_risk_users = returned_users then 1 else 0 end
            ) over so_far = 1 as have_all_returned

        from risk_sets
        window so_far as (
            partition by segment, segment_value
            order by day
            rows between unbounded preceding and current row
        )

    ),

    rates as (

        select
            *,
            case
                when have_all_returned then 0
                when at_risk_users > 0 then round(exp(log_away_rate), 12)
            end as away_rate,
            not have_all_returned and at_risk_users > 0 and log_away_rate < 0 as has_interval

        from products

    )

    select
        segment,
        segment_value,
        day,
        at_risk_users,
        returned_users,
        censored_users,
        away_rate,
        case when has_interval then round(exp(log_away_rate * exp(-{{ width }})), 12) end as ci_low,
        case when has_interval then round(exp(log_away_rate * exp({{ width }})), 12) end as ci_high,
        round(1 - away_rate, 12) as returned_rate

    from rates
{%- endmacro %}
