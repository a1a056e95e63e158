"""`automathes doctor`: the checks of this machine (`machine`), and those of all hosts of a cluster (`cluster`)."""
