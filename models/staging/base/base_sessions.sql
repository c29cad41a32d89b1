-- One row per row of the sessions given, under our column names.

{{ canonical_select('sessions') }}
