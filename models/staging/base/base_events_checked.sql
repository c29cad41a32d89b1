-- One row per row of the events given: whose it is, and why it is set aside, if it is.

{{ config(
    meta={
        'reads_input': 'base_events',
        'made_with': ['duplicate_rows'],
        'scope': 'reopened_rows',
        'announces': {'changed_users': ['user_id', 'known_user_id']},
        'announces_events': {'users': ['user_id', 'known_user_id'], 'time': 'event_time'},
    },
    pre_hook='{{ reopen_events() }}'
) }}

{# What reopen_events reads, for dbt to know. -#}
{% if not execute %}
{% for name in ['stg_identity_links', 'base_identity_versions', 'base_excluded_users', 'base_users'] %}
{% do ref(name) %}
{% endfor %}
{% endif %}

{# Each read of the events is of a few columns or of a few rows. As a CTE that is named
   thrice, DuckDB would first keep all of them in memory. -#}
{% set increments = is_increment() %}
{% set events = 'reopened_events' if increments else ref('base_events_identified') %}
{% set given_rows = events if increments else '(select *, user_id as source_user_id from ' ~ ref('base_events') ~ ')' %}

{% set content = [
    'source_user_id', 'anonymous_id', 'session_id', 'event_name', 'raw_event_time',
    'received_at', 'properties',
] %}
{% set columns = [
    'event_id', 'source_user_id', 'user_id', 'known_user_id', 'anonymous_id', 'session_id',
    'event_name', 'properties', 'raw_event_time', 'row_reason', 'is_anonymous',
    'event_time', 'known_at', 'received_at',
] | join(',\n        ') %}
{% set key_hash = 'case when event_id is null then ' ~ row_hash(content) ~ ' else ' ~ row_hash(['event_id']) ~ ' end' %}

with

-- Of nearly all data these are few, and only they need to be ordered.
repeated_keys as (

    select {{ key_hash }} as key_hash
    from {{ given_rows }} as given_rows
    group by {{ key_hash }}
    having count(*) > 1

),

single_rows as (

    select
        {{ columns }},
        case when event_id is null then {{ row_fingerprint(content) }} end as fingerprint,
        1 as occurrence

    from {{ events }}
    where {{ key_hash }} not in (select key_hash from repeated_keys)

),

fingerprinted as (

    select
        {{ columns }},
        {{ row_fingerprint(content) }} as fingerprint

    from {{ events }}
    where {{ key_hash }} in (select key_hash from repeated_keys)

),

-- Among the rows of one event_id the latest received wins. Rows without an event_id are
-- told apart by their content, and wholly identical ones by their number.
repeated_rows as (

    select
        *,
        row_number() over (
            partition by coalesce(event_id, fingerprint), row_reason is null
            order by received_at desc nulls last, event_time desc nulls last, fingerprint
        ) as occurrence

    from fingerprinted

),

numbered as (

    select * from single_rows
    union all
    select * from repeated_rows

),

judged as (

    select
        *,
        case
            when row_reason is not null then row_reason
            when event_id is not null and occurrence > 1 then 'duplicate_event_id'
            {%- if duplicate_rows() == 'reject' %}
            when event_id is null and occurrence > 1 then 'duplicate_row'
            {%- endif %}
        end as rejection_reason

    from numbered

),

final as (

    select
        coalesce(
            event_id, fingerprint || '-' || cast(occurrence as string)
        ) as event_id,
        source_user_id,
        user_id,
        known_user_id,
        anonymous_id,
        session_id,
        event_name,
        properties,
        case when raw_event_time <> coalesce(cast(event_time as string), '') then raw_event_time end
            as raw_event_time,
        rejection_reason,
        is_anonymous,
        event_id is not null as has_event_id,
        event_id is null and occurrence > 1 as is_repeated_row,
        event_time,
        known_at,
        received_at,
        occurrence

    from judged

)

select * from final
