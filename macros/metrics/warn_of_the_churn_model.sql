{# Names what has drifted and which models are too good to be true; tests only count them. #}
{% macro warn_of_the_churn_model() -%}
    {%- set questions = {
        'churn_drift': [
            'select feature from {} where needs_attention order by feature',
            'Users differ from those that the churn model learned from, so that its scores moved; look at '
        ],
        'churn_model_metrics': [
            "select distinct model from {} where metric = 'leakage_warning' and value = 1 order by model",
            'Too good to be true, a feature most likely knows who churns: '
        ],
    } -%}
    {%- for node in graph.nodes.values() if node.name in questions -%}
        {%- set question = questions[node.name] -%}
        {%- set named = run_query(question[0].format(node.relation_name)).columns[0].values() -%}
        {%- if named -%}
            {%- do exceptions.warn(question[1] ~ named | join(', ') ~ ' (' ~ node.name ~ ')') -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}
