{#
    var churn_model, checked: train, or the version of a trained model. Whether there is such
    a model, and whether it may be used, is asked before the first node of a build.
#}
{% macro churn_model() -%}
    {%- set given = var('churn_model') | string -%}
    {%- if given != 'train' and not modules.re.fullmatch('[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9a-f]{12}', given) -%}
        {%- do exceptions.raise_compiler_error(
            "var churn_model: got '" ~ given ~ "', allowed are: train, or the version of a model that "
            ~ 'python -m ml train has kept, such as 2026-05-31-0123456789ab'
        ) -%}
    {%- endif -%}
    {{- return(given) -}}
{%- endmacro %}

{% macro require_churn_model() -%}
    {%- set argument = {'version': churn_model(), 'horizon_days': churn_definition().horizon_days} -%}
    {%- if argument.version != 'train' -%}
        {%- set problem = file_function('churn_model_problem', tojson(argument)) -%}
        {%- if problem -%}
            {%- do exceptions.raise_compiler_error('var churn_model: ' ~ problem) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
