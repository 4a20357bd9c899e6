"""The commands of `gtx-hub`; each module has `declare` (its arguments) and `execute`."""
