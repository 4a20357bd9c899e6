"""What operators' machines watch: metrics for Prometheus, readiness, and logs as JSON."""
