"""The process: options, configuration, log, reload, watchdog."""
