-- dau <= wau <= mau: a longer trailing window holds every user of a shorter one.

select *
from {{ ref('daily_active') }}
where not (dau <= wau and wau <= mau)
