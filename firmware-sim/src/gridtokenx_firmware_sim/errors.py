"""What the user of the simulator can get wrong."""


class SimulatorError(Exception):
    """The meter cannot be simulated as asked; the message says what to change."""


class ScenarioError(SimulatorError):
    """There is no such scenario or house, or a file of readings is not well formed."""


class StateError(SimulatorError):
    """The state file cannot be read, or belongs to another meter."""


class RegisterError(SimulatorError):
    """A register of this model cannot hold that value exactly."""


class ModelError(SimulatorError):
    """There is no such model, or its profile cannot be used."""


class FaultError(SimulatorError):
    """A script of faults is not well formed."""
