-- At each step as many sessions leave an event as came to it, and all that start are the
-- sessions with an active event of that month.

with

transitions as (

    select * from {{ ref('path_transitions') }}

),

arrivals as (

    select
        segment,
        segment_value,
        period_start,
        from_step + 1 as step,
        to_event as event_name,
        sum(transitions) as sessions

    from transitions
    where to_event not in ('(exit)', '(continues)')
    group by segment, segment_value, period_start, from_step + 1, to_event

),

departures as (

    select
        segment,
        segment_value,
        period_start,
        from_step as step,
        from_event as event_name,
        sum(transitions) as sessions

    from transitions
    where from_event <> '(start)'
    group by segment, segment_value, period_start, from_step, from_event

),

starts as (

    select
        period_start,
        sum(transitions) as sessions

    from transitions
    where from_step = 0 and segment = 'all'
    group by period_start

),

sessions as (

    select
        {{ period_start('month', local_date('first_active_at')) }} as period_start,
        count(*) as sessions

    from (
        select
            user_id,
            session_id,
            min(event_time) as first_active_at

        from {{ ref('fct_events') }}
        where is_activity
        group by user_id, session_id
    ) as active_sessions
    group by {{ period_start('month', local_date('first_active_at')) }}

),

problems as (

    select
        'out differs from in' as problem,
        coalesce(arrivals.period_start, departures.period_start) as period_start,
        arrivals.sessions as expected,
        departures.sessions as found

    from arrivals
    full outer join departures
        on arrivals.segment = departures.segment
        and arrivals.segment_value = departures.segment_value
        and arrivals.period_start = departures.period_start
        and arrivals.step = departures.step
        and arrivals.event_name = departures.event_name
    where coalesce(arrivals.sessions, 0) <> coalesce(departures.sessions, 0)
    union all
    select
        'starts differ from sessions' as problem,
        coalesce(sessions.period_start, starts.period_start) as period_start,
        sessions.sessions as expected,
        starts.sessions as found

    from sessions
    full outer join starts on sessions.period_start = starts.period_start
    where coalesce(sessions.sessions, 0) <> coalesce(starts.sessions, 0)

)

select * from problems
