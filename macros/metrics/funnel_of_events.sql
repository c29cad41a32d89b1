{#
    The headline attempt of each actor, straight from events: funnel and funnel_ranked over
    the attempts that were entered in a range of days.

    date_from, date_to: as in time_range; they select entries, so a conversion may come
    after them. breakdown: properties whose values on the entry event the result is split
    by (first touch); breakdown_values is an array of them as text, NULL where missing.
    is_matured is true throughout: nothing is known here of when the data ends.
#}
{% macro funnel_of_events(
    events, steps, window_seconds=none, order='ordered', strictly_increasing=false,
    exclusions=[], count_by='user_id', where=[], user_where=none, date_from=none,
    date_to=none, breakdown=[]
) -%}
    with

    all_attempts as (

        {{ funnel(
            events, steps, window_seconds, order, strictly_increasing, exclusions,
            event_expression(count_by), where, user_where
        ) }}

    ),

    attempts as (

        select * from all_attempts where {{ in_time_range(date_from, date_to, 'entered_at') }}

    ),

    ranked as (

        {{ funnel_ranked('attempts', steps) }}

    )

    select
        *,
        {%- set values = [] -%}
        {%- for name in breakdown -%}
            {%- do values.append(property(name, 'entry_properties')) -%}
        {%- endfor %}
        {{ array_of(values) if values else array_of(["'all'"]) }} as breakdown_values,
        true as is_matured

    from ranked
    where is_headline
{%- endmacro %}
