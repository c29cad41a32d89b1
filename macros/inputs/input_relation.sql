{#
    What to select an input from, as its var says: `seed`, a path or glob, a relation
    (schema.table), or `none`, which gives an empty string.
#}
{% macro input_relation(input) -%}
    {%- set given = var(input) | string | trim -%}
    {%- if given | lower == 'none' or given == '' -%}
        {%- if input == 'events' -%}
            {%- do exceptions.raise_compiler_error(
                "var events: got none, allowed are: seed, a path or glob of Parquet, CSV or "
                ~ "JSON lines files, or a relation (schema.table)"
            ) -%}
        {%- endif -%}
        {{- return('') -}}
    {%- elif given == 'seed' -%}
        {{- return(ref(input) | string) -}}
    {%- elif '/' in given or modules.re.search('[.](parquet|csv|tsv|jsonl|ndjson|json)([.](gz|zst))?$', given) -%}
        {{- return(file_relation(input, given)) -}}
    {%- elif modules.re.fullmatch('[A-Za-z_][A-Za-z0-9_]*([.][A-Za-z_][A-Za-z0-9_]*){0,2}', given) -%}
        {%- do require_relation(input, given) -%}
        {{- return(given) -}}
    {%- else -%}
        {%- do exceptions.raise_compiler_error(
            "var " ~ input ~ ": got '" ~ given ~ "', allowed are: seed, none, a path or glob "
            ~ "that ends in .parquet, .csv, .tsv, .jsonl, .ndjson or .json (.gz or .zst may "
            ~ "follow), or a relation (schema.table)"
        ) -%}
    {%- endif -%}
{%- endmacro %}

{% macro require_relation(input, given) -%}
    {%- set parts = given.split('.') -%}
    {%- if execute and not adapter.get_relation(
        database=parts[-3] if parts | length > 2 else target.database,
        schema=parts[-2] if parts | length > 1 else target.schema,
        identifier=parts[-1]
    ) -%}
        {%- do exceptions.raise_compiler_error(
            "var " ~ input ~ ": there is no table or view '" ~ given ~ "' in the warehouse. A "
            ~ "file's path ends in .parquet, .csv, .tsv, .jsonl, .ndjson or .json"
        ) -%}
    {%- endif -%}
{%- endmacro %}
