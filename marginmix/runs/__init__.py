"""What a run is and where its files lie: key, settings, experiment, plan, spec, record. Nothing here imports torch."""
