"""A Modbus meter that behaves like a real one."""
