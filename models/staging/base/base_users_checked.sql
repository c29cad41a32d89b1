-- One row per row of the users given, with the reason it is set aside, if it is.

{{ config(meta={
    'reads_input': 'base_users',
    'scope': 'all',
    'announces': {'changed_users': ['user_id'], 'changed_profiles': ['user_id']},
}) }}

{% do is_increment() %}

with

users as (

    select * from {{ ref('base_users') }}

),

excluded_users as (

    select * from {{ ref('base_excluded_users') }}

),

checked as (

    select
        users.*,
        case
            when users.user_id is null then 'no_user'
            when users.valid_from is null and users.raw_valid_from <> '' then 'unparsable_valid_from'
            when
                excluded_users.valid_from
                <= coalesce(users.signed_up_at, timestamp '9999-01-01 00:00:00')
                then 'excluded_user'
        end as row_reason

    from users
    left join excluded_users on users.user_id = excluded_users.user_id

),

-- Of rows that are valid from the same time on, or always, the earliest sign-up counts.
numbered as (

    select
        *,
        row_number() over (
            partition by user_id, valid_from, row_reason is null
            order by signed_up_at nulls last, properties nulls last
        ) as occurrence

    from checked

),

final as (

    select
        user_id,
        properties,
        raw_signed_up_at,
        raw_valid_from,
        case
            when row_reason is not null then row_reason
            when occurrence > 1 then 'duplicate_user_id'
        end as rejection_reason,
        signed_up_at,
        valid_from,
        occurrence

    from numbered

)

select * from final
