-- One row: what this build is made of.

with

bounds as (

    select * from {{ ref('data_bounds') }}

),

final as (

    select
        '{{ var('reporting_timezone') }}' as timezone,
        '{{ invocation_id }}' as invocation,
        {# Set when the build is published, once every test has passed. #}
        cast(null as bigint) as tests_passed,
        cast({{ var('confidence_level_z') }} as double) as confidence_level_z,
        as_of_date,
        data_start,
        data_end,
        cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S") }}' as timestamp) as built_at

    from bounds

)

select * from final
