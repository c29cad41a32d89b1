{#
    A histogram of the seconds from one step to another over the attempts that reached
    both: bin_start and users, empty bins included.

    attempts: relation with step_times (of funnel_ranked). bins: how many; none: the cube
    root of the attempts, at most 60. Bins are of whole seconds and alike, and the last one
    starts at or after the longest time, as PostHog draws them.
#}
{% macro time_to_convert_bins(attempts, from_step=1, to_step=2, bins=none) -%}
    with

    times as (

        select {{ seconds_between(array_element('step_times', from_step), array_element('step_times', to_step)) }} as seconds
        from {{ attempts }}
        where {{ array_element('step_times', to_step) }} is not null

    ),

    extent as (

        select
            floor(min(seconds)) as first_second,
            ceil(max(seconds)) as last_second,
            {{ bins if bins is not none else 'cast(least(60, greatest(1, ceil(cbrt(count(*))))) as bigint)' }} as bins

        from times
        having count(*) > 0

    ),

    widths as (

        select
            *,
            case
                when last_second > first_second then ceil((last_second - first_second) / bins)
                else 60
            end as width

        from extent

    ),

    starts as (

        select
            first_second + width * bin as bin_start,
            width

        from (
            select
                *,
                {{ number_series(0, 'cast(bins as integer)') }} as bin

            from widths
        ) as numbered

    )

    select
        cast(starts.bin_start as bigint) as bin_start,
        count(times.seconds) as users

    from starts
    left join times
        on times.seconds >= starts.bin_start
        and times.seconds < starts.bin_start + starts.width
    group by starts.bin_start
{%- endmacro %}
