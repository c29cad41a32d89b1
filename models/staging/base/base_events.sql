-- One row per row of the events given, under our column names.

{{ canonical_select('events') }}
