"""Every fault that a person can mend, as one sentence: what is wrong, where, and what to do.

UserError
├── TableError          the table cannot be read, or holds too little to learn from
│   └── ColumnError     a named column is not there
├── RecipeError         the options contradict each other or the table
├── BaseModelError      the base cannot be found or may not be loaded
├── ModelFolderError    a model folder is missing, damaged, unfinished or of another recipe
├── TrainingError       training cannot go on (numbers that are not finite, memory, a full disk)
└── RemoteError         a server of the OpenAI API cannot be reached or refuses, or may not be asked for more
"""


class UserError(Exception):
    """A fault that the person can mend; its text is the whole explanation."""


class TableError(UserError):
    """The table cannot be read, or holds too little to learn from."""


class ColumnError(TableError):
    """A named column is not in the table."""


class RecipeError(UserError):
    """The options contradict each other or the table."""


class BaseModelError(UserError):
    """The base cannot be found, or may not be loaded."""


class ModelFolderError(UserError):
    """A model folder is missing, damaged, unfinished, or of another recipe."""


class TrainingError(UserError):
    """Training cannot go on."""


class RemoteError(UserError):
    """A server of the OpenAI API cannot be reached or refuses, or may not be asked for more."""
