"""What can go wrong between Python values and a program's bytes."""


class ProgramClientError(ValueError):
    """Base of this package's errors."""


class UnknownProgramError(ProgramClientError):
    """No program of that name is shipped."""


class UnknownNameError(ProgramClientError):
    """A name that the program's IDL does not have."""


class MissingNameError(ProgramClientError):
    """An argument, field or account that the IDL requires was not given."""


class BadValueError(ProgramClientError):
    """A value that the IDL's type cannot hold."""


class BadDataError(ProgramClientError):
    """Bytes that are not what the IDL describes."""
