"""The system of record: problems, policies, rollouts, iterations and evaluations, kept in SQL."""
