"""A package: so pytest ends what its tests share, a server, with the last of them."""
