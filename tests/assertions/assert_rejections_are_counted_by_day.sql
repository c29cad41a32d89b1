-- data_quality counts every row set aside, no more and no fewer.

with

counted as (

    select count(*) as rejected_rows from {{ ref('stg_rejected_rows') }}

),

checks as (

    select coalesce(sum(rejected_rows), 0) as rejected_rows from {{ ref('data_quality') }}

)

select
    counted.rejected_rows,
    checks.rejected_rows as counted_by_day

from counted
cross join checks
where counted.rejected_rows <> checks.rejected_rows
