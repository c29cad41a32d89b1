-- active[t] = active[t-1] + new + resurrected - dormant: nobody appears or vanishes between
-- two periods without a state.

with

balanced as (

    select
        *,
        coalesce(
            lag(active_users) over (
                partition by period, segment, segment_value order by period_start
            ),
            0
        ) as previous_active_users

    from {{ ref('lifecycle') }}

)

select *
from balanced
where active_users
    <> previous_active_users + new_users + resurrected_users - dormant_users
