-- One row per row of the users given, under our column names.

{{ canonical_select('users') }}
