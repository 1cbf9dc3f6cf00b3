"""End-to-end tests of Seatrial and the programs they stand on: a cluster and the images that run in it."""
