-- A label is known exactly where its window has ended within complete days, and then it
-- says whether the events show a return.

with

bounds as (

    select * from {{ ref('data_bounds') }}

)

select labels.*
from {{ ref('churn_labels') }} as labels
cross join bounds
where (labels.is_churned is null) = (labels.label_end_date <= bounds.as_of_date)
    or (labels.is_churned and labels.days_to_return is not null)
    or (not labels.is_churned and labels.days_to_return is null)
