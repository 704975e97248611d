"""How the client looks: to a person, a pipe, a script."""
