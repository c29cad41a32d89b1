-- One row per row of the events given: whose it is, and what is wrong with the row itself.

{{ identified_events(ref('base_events')) }}
