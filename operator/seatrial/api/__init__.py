"""The models of Seatrial's API: the single source of its CRDs, its reference pages and its validation."""
