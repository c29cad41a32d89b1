-- One row per percent of users contacted, 1 to 100, on the test dates: whom contacting those
-- with the highest risk would have reached, and what it would have been worth.

{% set contact = churn_contact() %}

with

predictions as (

    select * from {{ ref('churn_test_predictions') }} where model = 'shipped' and split = 'test'

),

ranked as (

    select
        churn_probability,
        row_number() over (order by churn_probability desc, as_of_date, user_id) as place,
        -- Everyone down to the probability, so that equal risks are treated alike.
        count(*) over (order by churn_probability desc) as contacted_users,
        count(case when is_churned then 1 end) over (order by churn_probability desc) as churners_reached,
        count(*) over () as users,
        count(case when is_churned then 1 end) over () as churners

    from predictions

),

percents as (

    select {{ number_series(1, 100) }} as contacted_percent

),

reached as (

    select
        percents.contacted_percent,
        ranked.*,
        {{ safe_divide('ranked.churners_reached', 'ranked.contacted_users') }} as precision_rate,
        {{ safe_divide('ranked.churners', 'ranked.users') }} as base_rate,
        ranked.contacted_users * cast({{ contact.cost }} as double) as cost,
        ranked.churners_reached * cast({{ contact.save_rate }} as double)
        * cast({{ contact.value }} as double) as value

    from percents
    inner join ranked
        on ranked.place = cast(ceil(percents.contacted_percent * ranked.users / 100.0) as bigint)

),

final as (

    select
        cast(contacted_percent as bigint) as contacted_percent,
        cast(contacted_users as bigint) as contacted_users,
        cast(churners_reached as bigint) as churners_reached,
        churn_probability as threshold_probability,
        precision_rate as precision,
        {{ safe_divide('churners_reached', 'churners') }} as capture,
        {{ safe_divide('precision_rate', 'base_rate') }} as lift,
        cost,
        value,
        value - cost as net_value,
        value > cost
        and row_number() over (order by value - cost desc, contacted_users, contacted_percent) = 1
            as is_most_valuable

    from reached

)

select * from final
