-- One row per model x split x metric, on as_of dates later than what the model learned from.

with

backtest as (

    select * from {{ ref('backtest') }}

),

final as (

    select
        model,
        split,
        metric,
        cast(value as double) as value,
        cast(ci_low as double) as ci_low,
        cast(ci_high as double) as ci_high,
        cast(rows as bigint) as rows,
        cast(base_rate as double) as base_rate,
        model != 'frozen' as is_retrained

    from backtest

)

select * from final
