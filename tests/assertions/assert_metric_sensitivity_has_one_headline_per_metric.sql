-- Each metric of metric_sensitivity has one headline row, which differs from itself by
-- nothing and is known wherever another convention gives a number over the same users.

select
    metric,
    count(case when is_headline then 1 end) as headlines

from {{ ref('metric_sensitivity') }}
group by metric
having count(case when is_headline then 1 end) <> 1
    or count(case when is_headline and difference_from_headline <> 0 then 1 end) > 0
    or count(case when is_headline and value is null and n > 0 then 1 end) > 0
