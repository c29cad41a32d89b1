-- One row per segment x segment_value x day after an as_of_date: the Kaplan-Meier estimate
-- of how many users have not come back yet.

{% set churn = churn_definition() %}

with

features as (

    select * from {{ ref('user_features') }}

),

labels as (

    select * from {{ ref('churn_labels') }}

),

as_of_dates as (

    select * from {{ ref('as_of_dates') }} where not is_newest

),

numbered_dates as (

    select
        as_of_date,
        row_number() over (order by as_of_date) - 1 as date_number,
        count(*) over () as date_count

    from as_of_dates

),

-- Each user counts once, on a date that a hash of the id draws from all dates alike: rows
-- of one user are not independent, and a choice among the dates on which the user was
-- active would favour those after which nothing came.
drawn as (

    select
        features.user_id,
        features.segments,
        labels.days_to_return is not null as is_return,
        case
            when labels.days_to_return is not null then labels.days_to_return
            {#- Who has left is not lost from sight, but away to the end. #}
            else labels.days_observed
        end as days

    from features
    inner join numbered_dates
        on features.as_of_date = numbered_dates.as_of_date
        and numbered_dates.date_number = {{ hash_bucket('features.user_id', 'numbered_dates.date_count') }}
    inner join labels
        on features.user_id = labels.user_id
        and features.as_of_date = labels.as_of_date

),

sliced as (

    select
        'all' as segment,
        'all' as segment_value,
        days,
        is_return

    from drawn
    {%- for segment in churn.segments %}
    union all
    select
        '{{ segment }}' as segment,
        {{ property(segment, 'segments') }} as segment_value,
        days,
        is_return

    from drawn
    {%- endfor %}

),

counted as (

    select
        *,
        count(segment_value) over (partition by segment) as known_values

    from sliced

),

-- A segment that no user has says nothing and is left out.
times as (

    select
        segment,
        coalesce(segment_value, '(not set)') as segment_value,
        days,
        is_return

    from counted
    where known_values > 0

),

final as (

    {{ kaplan_meier('times', churn.horizon_days) | indent(4) }}

)

select * from final
