"""A storm: clients who keep on talking while their lines are cut and the server is killed, and what must hold after it.

`python -m tests.storm --help` runs one.  `record` is what each client remembers, `checker` decides from that and from
the server's history alone (pure, and tested with histories made by hand), `client` and `person` are those who talk,
`proxy` is the bad network, `server` the process that is killed, `weather` the whole from the first word to the verdict;
of several servers `nodes` is what befalls them and `databases`, and `network` what is lost between their machines.
"""
