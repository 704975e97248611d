"""What a visit is, through whatever door."""
