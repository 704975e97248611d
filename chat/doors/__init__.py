"""How people come in, and how bytes come and go."""
