-- One row per check_date x check_name; check_date is NULL where the time is unknown or the
-- check is about the whole data.

{% set late_seconds = 86400 %}

with

events as (

    select * from {{ ref('fct_events') }}

),

rejected_rows as (

    select * from {{ ref('stg_rejected_rows') }}

),

bounds as (

    select * from {{ ref('data_bounds') }}

),

dates as (

    select {{ date_series('data_start_date', 'data_end_date') }} as check_date
    from bounds

),

dated_rejections as (

    select
        source_table,
        rejection_reason,
        case when row_at is not null then {{ local_date('row_at') }} end as check_date,
        count(*) as rejected_rows

    from rejected_rows
    group by
        source_table,
        rejection_reason,
        case when row_at is not null then {{ local_date('row_at') }} end

),

daily_events as (

    select
        event_date,
        count(*) as events,
        count(case when is_repeated_row then 1 end) as repeated_rows,
        count(
            case
                when {{ seconds_between('event_time', 'received_at') }} > {{ late_seconds }} then 1
            end
        ) as late_events

    from events
    group by event_date

),

volumes as (

    select
        dates.check_date,
        coalesce(daily_events.events, 0) as events,
        coalesce(daily_events.repeated_rows, 0) as repeated_rows,
        coalesce(daily_events.late_events, 0) as late_events

    from dates
    left join daily_events on dates.check_date = daily_events.event_date

),

-- Against the same weekday of the four weeks before, which carries the weekly rhythm. The
-- margin of four standard deviations of a count keeps small volumes from crying wolf.
expected_volumes as (

    select
        *,
        {%- set weeks_before = [] %}
        {%- for weeks in range(1, 5) %}
        {%- do weeks_before.append('lag(events, ' ~ 7 * weeks ~ ') over (order by check_date)') %}
        {%- endfor %}
        ({{ weeks_before | join(' + ') }}) / 4.0 as expected_events

    from volumes

),

judged_volumes as (

    select
        expected_volumes.check_date,
        expected_volumes.events,
        case
            when
                expected_volumes.check_date > bounds.as_of_date
                or abs(expected_volumes.events - expected_volumes.expected_events)
                <= 4 * sqrt(expected_volumes.expected_events + 1)
                then null
            when expected_volumes.events < 0.5 * expected_volumes.expected_events
                then 'less than half of the same weekday over the four weeks before'
            when expected_volumes.events > 2 * expected_volumes.expected_events
                then 'more than twice the same weekday over the four weeks before'
        end as reason

    from expected_volumes
    cross join bounds

),

rejections as (

    select
        check_date,
        source_table || ': ' || rejection_reason as check_name,
        rejected_rows as rows,
        rejected_rows,
        'set aside: ' || rejection_reason as reason,
        false as is_anomaly

    from dated_rejections

),

modelled as (

    select
        check_date,
        'events: modelled' as check_name,
        events as rows,
        0 as rejected_rows,
        reason,
        reason is not null as is_anomaly

    from judged_volumes

),

late as (

    select
        check_date,
        'events: received late' as check_name,
        late_events as rows,
        0 as rejected_rows,
        'received more than 24 hours after they happened; modelled' as reason,
        false as is_anomaly

    from volumes
    where late_events > 0

),

repeated as (

    select
        check_date,
        'events: identical rows' as check_name,
        repeated_rows as rows,
        0 as rejected_rows,
        'identical to another row, without an event_id to tell; modelled' as reason,
        false as is_anomaly

    from volumes
    where repeated_rows > 0

),

identity as (

    select
        cast(null as date) as check_date,
        'identity: anonymous ids linked' as check_name,
        count(*) as rows,
        0 as rejected_rows,
        'linked to a user; '
        || cast(count(case when user_count > 1 then 1 end) as string)
        || ' of them seen with several users, where the newest link wins' as reason,
        count(case when user_count > 1 then 1 end) > 0.1 * count(*) as is_anomaly

    from {{ ref('stg_identity_links') }}
    having count(*) > 0

),

unmatched as (

    {{ unmatched_definitions() }}

),

all_checks as (

    select * from rejections
    union all
    select * from modelled
    union all
    select * from late
    union all
    select * from repeated
    union all
    select * from identity
    union all
    select * from unmatched

),

final as (

    select
        check_name,
        reason,
        cast(rows as bigint) as rows,
        cast(rejected_rows as bigint) as rejected_rows,
        is_anomaly,
        check_date

    from all_checks

)

select * from final
