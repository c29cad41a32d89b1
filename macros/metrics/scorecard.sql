{#
    The probabilities of a scorecard: user_id, as_of_date, model_version, log_odds (before
    calibration) and churn_probability of every row of `features`. It gives what the model
    behind the scorecard gives, on an engine without it; NULL where the scorecard has no
    terms for the row's population, or says that it is none.

    A term adds coefficient * (value - mean) / scale to the log-odds. What is missing, and a
    segment's level that the model does not know, adds nothing.

    features: the columns of user_features. usage: those of user_event_usage.
    scorecard: those of churn_scorecard.
#}
{% macro scorecard_scores(features, usage, scorecard) -%}
    {{- scorecard_sums(features, '(' ~ scorecard_contributions(features, usage, scorecard) ~ ')', scorecard) -}}
{%- endmacro %}

{# The same from what scorecard_contributions gives. #}
{% macro scorecard_sums(features, contributions, scorecard) -%}
    select
        rows_to_score.user_id,
        rows_to_score.as_of_date,
        constants.model_version,
        constants.intercept + coalesce(summed.log_odds, 0) as log_odds,
        {{ calibrated_probability('constants.intercept + coalesce(summed.log_odds, 0)') }} as churn_probability

    from (
        select
            user_id,
            as_of_date,
            case when is_eligible then 'eligible' else 'new' end as population

        from {{ features }}
    ) as rows_to_score
    left join (
        select
            population,
            min(model_version) as model_version,
            max(case when kind = 'intercept' then coefficient end) as intercept,
            max(case when kind = 'calibration_shift' then coefficient end) as shift,
            max(case when kind = 'calibration_slope' then coefficient end) as slope

        from {{ scorecard }}
        group by population
    ) as constants
        on rows_to_score.population = constants.population
    left join (
        select
            added.user_id,
            added.as_of_date,
            {{ exact_sum('added.contribution') }} as log_odds

        from {{ contributions }} as added
        group by added.user_id, added.as_of_date
    ) as summed
        on rows_to_score.user_id = summed.user_id
        and rows_to_score.as_of_date = summed.as_of_date
{%- endmacro %}

{#
    What each term of a scorecard adds to the log-odds of each row of `features`: user_id,
    as_of_date, term, kind, source, contribution. Arguments as of scorecard_scores.
#}
{% macro scorecard_contributions(features, usage, scorecard) -%}
    select
        user_id,
        as_of_date,
        term,
        kind,
        source,
        coefficient * coalesce(
            (
                case
                    when transform = 'log1p' then ln(1 + value)
                    when transform = 'log' then case when value > 0 then ln(value) end
                    else value
                end - mean
            ) / scale,
            0
        ) as contribution

    from (
        select
            user_terms.*,
            case user_terms.kind
                when 'usage' then user_terms.events
                when 'missing' then case when user_terms.number is null then 1.0 else 0.0 end
                when 'step' then case when user_terms.number < user_terms.threshold then 0.0 else 1.0 end
                when 'segment'
                    then
                        case
                            when user_terms.level = user_terms.user_level then 1.0
                            when known_levels.level is not null then 0.0
                            when user_terms.level = '(rare)' then 1.0
                            when user_terms.has_pooled_level then 0.0
                        end
                else user_terms.number
            end as value

        from (
            select
                features.user_id,
                features.as_of_date,
                terms.*,
                cast(coalesce(usage.events_28, 0) as double) as events,
                {{ feature_value('features') }} as number,
                {{ segment_level('features') }} as user_level

            from {{ features }} as features
            inner join (
                select
                    *,
                    max(case when level = '(rare)' then 1 else 0 end) over (
                        partition by population, kind, source
                    ) = 1 as has_pooled_level

                from {{ scorecard }}
                where source is not null
            ) as terms
                on terms.population = case when features.is_eligible then 'eligible' else 'new' end
            left join {{ usage }} as usage
                on features.user_id = usage.user_id
                and features.as_of_date = usage.as_of_date
                and terms.kind = 'usage'
                and terms.source = usage.event_name
        ) as user_terms
        left join (
            select population, source, level from {{ scorecard }} where kind = 'segment'
        ) as known_levels
            on user_terms.kind = 'segment'
            and user_terms.population = known_levels.population
            and user_terms.source = known_levels.source
            and user_terms.user_level = known_levels.level
    ) as user_values
{%- endmacro %}

{#
    The calibrated probability of the log-odds, as far from 0 and 1 as the model keeps it.
    least and greatest pass over NULL, so that it has to be looked for first.
#}
{% macro calibrated_probability(log_odds) -%}
    case
            when constants.intercept is not null
                then
                    least(
                        greatest(
                            1
                            / (
                                1
                                + exp(
                                    -least(
                                        greatest(constants.shift + constants.slope * ({{ log_odds }}), -50.0), 50.0
                                    )
                                )
                            ),
                            0.000001
                        ),
                        0.999999
                    )
        end
{%- endmacro %}

{# The number that terms.source names, as double. #}
{% macro feature_value(features) -%}
    case terms.source
                    {%- for name in feature_columns() %}
                    when '{{ name }}' then cast({{ features }}.{{ name }} as double)
                    {%- endfor %}
                end
{%- endmacro %}

{# The level of the segment that terms.source names; unknown where the user has none. #}
{% macro segment_level(features) -%}
    {%- if not churn_definition().segments -%}'unknown'{%- else -%}
    case terms.source
                    {%- for name in churn_definition().segments %}
                    when '{{ name }}' then coalesce({{ property(name, features ~ '.segments') }}, 'unknown')
                    {%- endfor %}
                    else 'unknown'
                end
    {%- endif -%}
{%- endmacro %}

{#
    The numbers among the columns of user_features: what the model may use, and what drifts.
    As its YAML declares them, so that a new feature is known everywhere at once.
#}
{% macro feature_columns() -%}
    {%- set found = [] -%}
    {#- While the project is parsed there is no graph yet. -#}
    {%- for node in graph.get('nodes', {}).values() if node.name == 'user_features' and node.resource_type == 'model' -%}
        {%- for column in node.columns.values()
            if column.data_type in ['bigint', 'double', 'boolean'] and column.name != 'is_eligible' -%}
            {%- do found.append(column.name) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{- return(found) -}}
{%- endmacro %}

{# A sum of doubles that is the same in any order: of decimals, each exact to 15 places. #}
{% macro exact_sum(expression) -%}
    cast(sum(cast({{ expression }} as decimal(38, 15))) as double)
{%- endmacro %}
