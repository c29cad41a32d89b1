-- Rows in = rows modelled + rows set aside, for each input. A row lost on the way would
-- make every number below it wrong and none of them look it.

with

counts as (

    select
        'events' as source_table,
        (select count(*) from {{ ref('base_events') }}) as source_rows,
        (select count(*) from {{ ref('fct_events') }}) as modelled_rows
    union all
    select
        'users' as source_table,
        (select count(*) from {{ ref('base_users') }}) as source_rows,
        (select count(*) from {{ ref('stg_user_versions') }}) as modelled_rows
    union all
    select
        'sessions' as source_table,
        (select count(*) from {{ ref('base_sessions') }}) as source_rows,
        (select count(*) from {{ ref('stg_sessions') }}) as modelled_rows

),

rejections as (

    select
        source_table,
        count(*) as rejected_rows

    from {{ ref('stg_rejected_rows') }}
    group by source_table

)

select
    counts.*,
    rejections.rejected_rows

from counts
left join rejections on counts.source_table = rejections.source_table
where counts.source_rows <> counts.modelled_rows + coalesce(rejections.rejected_rows, 0)
