-- No feature was read from an event at or after the end of its as_of_date, nobody is
-- described before they were first seen, and nobody who has left.

select features.*
from {{ ref('user_features') }} as features
left join {{ ref('dim_known_users') }} as users on features.user_id = users.user_id
where features.max_source_event_at >= features.as_of_at
    or features.max_source_event_at is null
    or features.tenure_days < 0
    or features.recency_days < 0
    or (features.is_activated and features.seconds_to_activate is null)
    or users.known_at is null
    or users.known_at >= features.as_of_at
    or users.left_at < features.as_of_at
