"""The pages that people see, beside the API that programs use."""
