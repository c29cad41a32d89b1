-- A label is known exactly where its window has ended within complete days, and then it
-- says whether the events show a return or a leaving. Neither lies outside what was observed.

with

bounds as (

    select * from {{ ref('data_bounds') }}

)

select labels.*
from {{ ref('churn_labels') }} as labels
cross join bounds
where (labels.is_churned is null) = (labels.label_end_date <= bounds.as_of_date)
    or labels.is_churned <> (labels.days_to_return is null or labels.days_to_leave is not null)
    or labels.days_to_return not between 1 and labels.days_observed
    or labels.days_to_leave not between 1 and labels.days_observed
    or labels.days_to_leave < labels.days_to_return
    or {{ add_days('labels.as_of_date', 'cast(labels.days_observed as integer)') }}
    <> least(labels.label_end_date, bounds.as_of_date)
