"""The phases of a TestScenario's run. Each goes on to those after it: provisioning, steps, ending, teardown."""
