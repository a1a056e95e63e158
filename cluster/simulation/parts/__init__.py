"""The simulated parts: the clock, engine, sandbox, sampler, learner, the board of open work, and the driver."""
