-- No feature was read from an event at or after the end of its as_of_date, and no user is
-- described before they were first seen.

select *
from {{ ref('user_features') }}
where max_source_event_at >= as_of_at
    or max_source_event_at is null
    or tenure_days < 0
    or recency_days < 0
    or (is_activated and seconds_to_activate is null)
