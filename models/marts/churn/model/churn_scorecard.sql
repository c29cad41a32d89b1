-- One row per population x term: the model that scores, so that SQL alone can score with it
-- (macro scorecard_scores).

with

terms as (

    select * from {{ ref('scorecard_terms') }}

),

final as (

    select
        population,
        term,
        kind,
        source,
        level,
        transform,
        model_version,
        cast(threshold as double) as threshold,
        cast(mean as double) as mean,
        cast(scale as double) as scale,
        cast(coefficient as double) as coefficient

    from terms

)

select * from final
