-- One row per feature, and one for the score: how far the eligible users of the newest
-- as_of_date lie from those that the model learned from (population stability index over ten
-- bins that are fixed on the latter).

{% set kept = churn_model() if churn_model() != 'train' else none %}

with

features as (

    select * from {{ ref('user_features') }} where is_eligible

),

as_of_dates as (

    select * from {{ ref('as_of_dates') }}

),

sampled_users as (

    select * from {{ ref('churn_sampled_users') }}

),

user_event_usage as (

    select * from {{ ref('user_event_usage') }}

),

scorecard as (

    select * from {{ ref('churn_scorecard') }}

),

-- The rows that the model learned from, and those of the same users that it scores now.
comparable as (

    select
        features.*,
        as_of_dates.is_newest,
        {{ hash_fraction('features.user_id') }} as user_place,
        sampled_users.sample_share,
        count(*) over () as comparable_rows

    from features
    inner join as_of_dates on features.as_of_date = as_of_dates.as_of_date
    inner join sampled_users on features.user_id = sampled_users.user_id
    where as_of_dates.is_newest
        or as_of_dates.is_closed
        {%- if kept %}
        -- A kept model learned from what had closed on the date that its version begins with.
        and as_of_dates.label_end_date <= cast('{{ kept[:10] }}' as date)
        {%- endif %}

),

-- An index over more rows than these says nothing that it does not say over them.
compared as (

    select *
    from comparable
    where user_place < sample_share * 100000.0 / comparable_rows

),

compared_usage as (

    select user_event_usage.*
    from user_event_usage
    inner join compared
        on user_event_usage.user_id = compared.user_id
        and user_event_usage.as_of_date = compared.as_of_date

),

contributions as (

    {{ scorecard_contributions('compared', 'compared_usage', 'scorecard') }}

),

scored as (

    {{ scorecard_sums('compared', 'contributions', 'scorecard') }}

),

-- By how much the log-odds moved because of each feature. Where the model is no sum of
-- terms nothing is known of it.
moved as (

    select
        contributions.source as feature,
        {{ safe_divide(
            exact_sum('case when compared.is_newest then contributions.contribution end'),
            'count(case when compared.is_newest then 1 end)'
        ) }}
        - {{ safe_divide(
            exact_sum('case when not compared.is_newest then contributions.contribution end'),
            'count(case when not compared.is_newest then 1 end)'
        ) }} as score_shift

    from contributions
    inner join compared
        on contributions.user_id = compared.user_id
        and contributions.as_of_date = compared.as_of_date
    where contributions.kind in ('number', 'missing', 'step')
    group by contributions.source
    union all
    select
        'score' as feature,
        {{ safe_divide(
            exact_sum('case when compared.is_newest then scored.log_odds end'),
            'count(case when compared.is_newest then 1 end)'
        ) }}
        - {{ safe_divide(
            exact_sum('case when not compared.is_newest then scored.log_odds end'),
            'count(case when not compared.is_newest then 1 end)'
        ) }} as score_shift

    from scored
    inner join compared
        on scored.user_id = compared.user_id
        and scored.as_of_date = compared.as_of_date

),

feature_names as (

    {% for name in feature_columns() -%}
    select '{{ name }}' as feature
    union all
    {% endfor -%}
    select 'score' as feature

),

feature_values as (

    select
        feature_names.feature,
        compared.is_newest,
        case feature_names.feature
            {%- for name in feature_columns() %}
            when '{{ name }}' then cast(compared.{{ name }} as double)
            {%- endfor %}
        end as value

    from compared
    cross join feature_names
    where feature_names.feature != 'score'
    union all
    select
        'score' as feature,
        compared.is_newest,
        scored.churn_probability as value

    from scored
    inner join compared
        on scored.user_id = compared.user_id
        and scored.as_of_date = compared.as_of_date
    where scored.churn_probability is not null

),

quantiles as (

    select
        feature,
        {%- for decile in range(1, 10) %}
        {{ exact_quantile('value', decile / 10) }} as cut_{{ decile }}{{ ',' if not loop.last }}
        {%- endfor %}

    from feature_values
    where not is_newest
    group by feature

),

deciles as (

    select {{ number_series(1, 9) }} as decile

),

-- Not a union of nine reads of the quantiles, which Spark would find for each.
decile_cuts as (

    select
        quantiles.feature,
        case deciles.decile
            {%- for decile in range(1, 10) %}
            when {{ decile }} then quantiles.cut_{{ decile }}
            {%- endfor %}
        end as cut

    from quantiles
    cross join deciles

),

-- Tied values make fewer cuts than nine, and so fewer bins.
cuts as (

    select feature, cut from decile_cuts group by feature, cut

),

counted as (

    select
        feature,
        value,
        count(case when not is_newest then 1 end) as reference_rows,
        count(case when is_newest then 1 end) as current_rows

    from feature_values
    group by feature, value

),

-- What is missing has a bin of its own, the first.
placed as (

    select
        counted.feature,
        counted.value,
        case when counted.value is null then -1 else count(cuts.cut) end as bin,
        min(counted.reference_rows) as reference_rows,
        min(counted.current_rows) as current_rows

    from counted
    left join cuts
        on counted.feature = cuts.feature
        and counted.value > cuts.cut
    group by counted.feature, counted.value

),

bins as (

    select
        feature,
        bin,
        sum(reference_rows) as reference_rows,
        sum(current_rows) as current_rows

    from placed
    group by feature, bin

),

totals as (

    select
        feature,
        count(*) as bins,
        sum(reference_rows) as reference_rows,
        sum(current_rows) as current_rows

    from bins
    group by feature

),

indexed as (

    select
        totals.feature,
        min(totals.bins) as bins,
        min(totals.reference_rows) as reference_rows,
        min(totals.current_rows) as current_rows,
        {{ exact_sum(stability_part(
            'bins.reference_rows', 'totals.reference_rows', 'bins.current_rows', 'totals.current_rows', 'totals.bins'
        )) }} as psi

    from totals
    inner join bins on totals.feature = bins.feature
    where totals.reference_rows > 0
        and totals.current_rows > 0
    group by totals.feature

),

users as (

    select
        count(distinct case when is_newest then user_id end) as current_users,
        count(distinct case when not is_newest then user_id end) as reference_users

    from compared

),

scorecards as (

    select count(case when kind = 'intercept' then 1 end) > 0 as is_scorecard
    from scorecard
    where population = 'eligible'

),

described as (

    select
        feature_names.feature,
        indexed.bins,
        indexed.reference_rows,
        indexed.current_rows,
        indexed.psi,
        {{ stability_by_chance('indexed.bins', 'users.reference_users', 'users.current_users') }} as psi_by_chance,
        case when scorecards.is_scorecard then coalesce(moved.score_shift, 0.0) end as score_shift

    from feature_names
    cross join users
    cross join scorecards
    left join indexed on feature_names.feature = indexed.feature
    left join moved on feature_names.feature = moved.feature
    where users.current_users + users.reference_users > 0

),

rated as (

    select
        *,
        case
            when psi is null then null
            when psi < greatest(0.1, psi_by_chance) then 'stable'
            when psi < greatest(0.25, psi_by_chance) then 'watch'
            else 'act'
        end as status

    from described

),

final as (

    select
        feature,
        status,
        cast(bins as bigint) as bins,
        cast(reference_rows as bigint) as reference_rows,
        cast(current_rows as bigint) as current_rows,
        psi,
        cast(case when psi is not null then psi_by_chance end as double) as psi_by_chance,
        cast(case when psi is not null then score_shift end as double) as score_shift,
        -- A young product's users grow older every week; that matters only as far as the
        -- score moves with it, which is not known of a model that is no sum of terms.
        coalesce(
            status = 'act'
            and (
                feature = 'score'
                or abs(score_shift) >= 0.1
                or (score_shift is null and feature != 'tenure_days')
            ),
            false
        ) as needs_attention

    from rated

)

select * from final
