{#
    Before base_events_checked is changed: which source rows are looked at again.

    Read again are the days whose rows differ in number or times from those that are kept,
    the last lookback_days days of the data, the days of var changed_days, and rows without a
    readable time. Of older days, kept rows are looked at again where what is known of their
    user has changed, or where a row that is read again has their event_id.

    Temporary tables: reopened_events, rows as base_events_identified has them;
    reopened_rows, the rowid of what they stand for.
#}
{% macro reopen_events() -%}
    {%- if execute and is_incremental() -%}
    {%- set day = "coalesce(cast(event_time as date), date '0001-01-01')" -%}
    {%- do run_query('create or replace temp table reread_days as ' ~ days_to_reread(day)) -%}
    {%- set first_day = run_query("select min(day) from reread_days where day > date '0001-01-01'").rows[0][0] -%}
    {#- The range says no more than the days, but lets what is older go unread. -#}
    {%- set reread -%}
    (({{ "event_time >= timestamp '" ~ first_day ~ "' or " if first_day }}event_time is null)
        and {{ day }} in (select reread_days.day from reread_days))
    {%- endset -%}
    {%- set carried = [
        'kept_row', 'kept_user_id', 'kept_known_user_id', 'kept_is_anonymous', 'kept_known_at', 'kept_reason',
    ] -%}
    create or replace temp view kept_events as
    select
        case when has_event_id then event_id end as event_id,
        source_user_id as user_id,
        anonymous_id,
        session_id,
        event_name,
        properties,
        coalesce(raw_event_time, cast(event_time as varchar)) as raw_event_time,
        event_time,
        received_at,
        rowid as kept_row,
        user_id as kept_user_id,
        known_user_id as kept_known_user_id,
        is_anonymous as kept_is_anonymous,
        known_at as kept_known_at,
        case
            when rejection_reason not in ('duplicate_event_id', 'duplicate_row')
                then rejection_reason
        end as kept_reason
    from {{ this }}
    where not {{ reread }};

    {#- Which text a readable time had says nothing of the user; it takes long to write. -#}
    create or replace temp table differing_rows as
    select kept_row, event_id
    from ({{ identified_events(
        "(select * replace (case when event_time is null then raw_event_time else 'a time' end as raw_event_time) from kept_events)",
        carried
    ) }})
    where user_id is distinct from kept_user_id
        or known_user_id is distinct from kept_known_user_id
        or is_anonymous is distinct from kept_is_anonymous
        or known_at is distinct from kept_known_at
        or row_reason is distinct from kept_reason;

    create or replace temp table reread_events as
    select * from {{ ref('base_events') }} where {{ reread }};

    create or replace temp table reopened_ids as
    select event_id from reread_events where event_id is not null
    union
    select event_id from {{ this }} where {{ reread }} and has_event_id
    union
    select event_id from differing_rows where event_id is not null;

    create or replace temp table pulled_rows as
    select kept_row from differing_rows
    union
    select kept_row from kept_events where event_id in (select event_id from reopened_ids);

    create or replace temp table reopened_rows as
    select rowid as kept_row from {{ this }} where {{ reread }}
    union all
    select kept_row from pulled_rows;

    create or replace temp table reopened_events as
    {{ identified_events(
        '(select * from reread_events'
        ~ ' union all by name select * exclude (' ~ carried | join(', ') ~ ') from kept_events where kept_row in (select kept_row from pulled_rows))'
    ) }};

    drop table reread_events
    {%- endif -%}
{%- endmacro %}

{# SQL of the days of which rows are read again. day: that of a row, an expression. #}
{% macro days_to_reread(day) -%}
    with

    given as (

        select {{ day }} as day, count(*) as row_count, bit_xor(hash(event_time)) as times
        from {{ ref('base_events') }}
        group by 1

    ),

    kept as (

        select {{ day }} as day, count(*) as row_count, bit_xor(hash(event_time)) as times
        from {{ this }}
        group by 1

    ),

    newest as (

        select max({{ day }}) as day from {{ this }} where rejection_reason is null

    )

    select coalesce(given.day, kept.day) as day
    from given
    full outer join kept on given.day = kept.day
    cross join newest
    where given.row_count is distinct from kept.row_count
        or given.times is distinct from kept.times
        or coalesce(given.day, kept.day) > newest.day - {{ lookback_days() }}
        or coalesce(given.day, kept.day) = date '0001-01-01'
        {%- for changed_day in changed_days() %}
        or coalesce(given.day, kept.day) = date '{{ changed_day }}'
        {%- endfor %}
{%- endmacro %}
