"""The commands of `gtx-hub`: each module has `ERRORS`, `add_arguments` and `execute`."""
