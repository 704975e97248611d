"""Who is here, and how what they say reaches everybody else."""
