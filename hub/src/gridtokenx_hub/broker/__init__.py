"""The MQTT broker that the hub brings along: its settings, certificates and process."""
