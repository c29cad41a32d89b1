-- One row per event_name x threshold: how doing the event at least so often in one's first
-- days goes with being active later, raw and with all else held equal, and what that is
-- worth. An association, never a proof of cause.

{% set definition = behavior_impact_definition() %}
{% set z = var('confidence_level_z') %}

with

contrasts as (

    select * from {{ ref('behavior_contrasts') }}

),

estimates as (

    select * from {{ ref('behavior_estimates') }}

),

joined as (

    select
        contrasts.*,
        estimates.adjusted_risk_difference,
        estimates.ci_low,
        estimates.ci_high,
        estimates.p_value,
        estimates.q_value,
        estimates.confirmed_risk_difference,
        estimates.confirmed_ci_low,
        estimates.confirmed_ci_high,
        estimates.confirmed_risk_without,
        estimates.confirmed_risk_ratio,
        estimates.risk_ratio_low,
        estimates.risk_ratio_high,
        estimates.independent_risk_difference,
        estimates.independent_ci_low,
        estimates.independent_ci_high,
        estimates.adjusted_users,
        {{ safe_divide('estimates.independent_risk_difference', 'contrasts.risk_difference') }} as remaining_share,
        coalesce(estimates.is_best_threshold, false) as is_best_threshold,
        coalesce(estimates.q_value < {{ definition.false_discovery_rate }}, false) as is_found,
        coalesce(
            (estimates.confirmed_ci_low > 0 and estimates.adjusted_risk_difference > 0)
            or (estimates.confirmed_ci_high < 0 and estimates.adjusted_risk_difference < 0),
            false
        ) as is_found_again,
        coalesce(
            estimates.independent_risk_difference
            / nullif(contrasts.risk_difference, 0) < {{ definition.least_remaining_share }},
            false
        ) as is_dependent,
        -- The chi-squared test of the four-fold table.
        coalesce(
            contrasts.users * contrasts.phi * contrasts.phi > {{ z * z }}, false
        ) as is_raw_difference_clear

    from contrasts
    left join estimates
        on contrasts.event_name = estimates.event_name
        and contrasts.threshold = estimates.threshold

),

judged as (

    select
        *,
        case
            when left_out_reason in ('rare', 'few users') then 'too rare'
            when left_out_reason is not null then 'left out'
            when is_dependent and (is_found or is_raw_difference_clear) then 'confounded'
            when not is_found then 'no evidence'
            when is_found_again then 'confirmed'
            else 'suggestive'
        end as verdict

    from joined

),

valued as (

    select
        *,
        verdict = 'confirmed' as is_confirmed,
        case
            when risk_ratio_low <= 1 and risk_ratio_high >= 1 then 1.0
            when risk_ratio_low > 1 then risk_ratio_low
            else risk_ratio_high
        end as nearest_risk_ratio,
        confirmed_risk_difference * (1 - reach) as impact,
        confirmed_ci_low * (1 - reach) as impact_ci_low,
        confirmed_ci_high * (1 - reach) as impact_ci_high,
        event_name || case
            when threshold = 1 then ' at least once'
            else ' at least ' || cast(threshold as string) || ' times'
        end || ' in their first {{ definition.exposure_days }} days' as doing_it,
        case when adjusted_risk_difference < 0 then 'less' else 'more' end as more_or_less,
        -- The later cohorts' interval, in the direction of the earlier ones.
        case
            when adjusted_risk_difference < 0 then -confirmed_ci_high else confirmed_ci_low
        end as later_low,
        case
            when adjusted_risk_difference < 0 then -confirmed_ci_low else confirmed_ci_high
        end as later_high,
        case
            when adjusted_risk_difference < 0 then -confirmed_risk_difference else confirmed_risk_difference
        end as later

    from judged

),

-- Sentences say what goes together and how surely, never that one makes the other.
worded as (

    select
        *,
        'Of the users who did ' || doing_it || ', ' || {{ whole_percent('retained_with_rate') }}
        || ' % were active on days {{ definition.outcome_days | join(' to ') }}, of the others '
        || {{ whole_percent('retained_without_rate') }} || ' %. ' as raw_words,
        'Among users alike in other activity, time of joining and segments they were ' || more_or_less
        || ' often active, by ' || {{ whole_percent('abs(adjusted_risk_difference)') }}
        || ' points in the earlier cohorts' as adjusted_words,
        {{ whole_percent('later') }} || ' (' || {{ whole_percent('later_low') }} || ' to '
        || {{ whole_percent('later_high') }} || ') in the later ones' as later_words,
        'Of users alike in all else, the other behaviours found included, '
        || {{ whole_percent('independent_risk_difference') }} || ' points ('
        || {{ whole_percent('independent_ci_low') }} || ' to '
        || {{ whole_percent('independent_ci_high') }} || ') remain' as independent_words

    from valued

),

final as (

    select
        event_name,
        verdict,
        left_out_reason,
        case
            when left_out_reason = 'named' then 'Left out: var behavior_impact names it.'
            when left_out_reason = 'passive' then 'Left out: it happens to users.'
            when left_out_reason = 'automatic'
                then
                    'Left out: it is on ' || {{ whole_percent('active_day_share') }}
                    || ' % of the active days, so it is being active itself.'
            when left_out_reason = 'universal'
                then
                    'Left out: ' || {{ whole_percent('reach') }} || ' % of the users did ' || doing_it
                    || ', so there is hardly anybody to compare them with.'
            when verdict = 'too rare'
                then
                    'Too few users to compare: ' || cast(users_with as string) || ' of '
                    || cast(users as string) || ' did ' || doing_it || '.'
            when verdict = 'confounded'
                then raw_words || independent_words || ': it goes with what else they do.'
            when verdict = 'no evidence'
                then
                    raw_words || independent_words
                    || ', but the earlier cohorts alone do not tell that from chance.'
            when not is_best_threshold
                then raw_words || adjusted_words || '. Another threshold of the event tells it better.'
            when verdict = 'suggestive'
                then raw_words || adjusted_words || '; ' || later_words || ' do not confirm it.'
            else
                raw_words || adjusted_words || ' and by ' || later_words
                || '. They go together; only an experiment can show a cause.'
        end as statement,
        threshold,
        users,
        users_with,
        users_without,
        retained_with,
        retained_without,
        smallest_group,
        adjusted_users,
        reach,
        retained_with_rate,
        retained_without_rate,
        risk_difference,
        lift,
        phi,
        sensitivity,
        specificity,
        active_day_share,
        adjusted_risk_difference,
        ci_low,
        ci_high,
        p_value,
        q_value,
        confirmed_risk_difference,
        confirmed_ci_low,
        confirmed_ci_high,
        independent_risk_difference,
        independent_ci_low,
        independent_ci_high,
        remaining_share,
        {{ e_value('confirmed_risk_ratio') }} as e_value,
        {{ e_value('nearest_risk_ratio') }} as e_value_limit,
        impact,
        impact_ci_low,
        impact_ci_high,
        case
            when is_best_threshold
                then
                    cast(
                        row_number() over (
                            partition by is_best_threshold
                            order by is_confirmed desc, impact desc, event_name
                        ) as bigint
                    )
        end as impact_rank,
        {{ users_per_arm('confirmed_risk_without', 'confirmed_risk_difference') | indent(8) }} as users_per_arm,
        is_best_threshold,
        is_confirmed

    from worded

)

select * from final
