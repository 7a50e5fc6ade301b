"""The form that a training file gives its prompts and completions, and how new ones take it on."""

from finetable.settings import Settings


class Style(Settings):
    """What stands around the texts of a file; "" where nothing does.

    `prompt_prefix` and `completion_prefix` were taken away, `separator` ends each prompt, `ending` each
    completion, and `leading_space` says that completions begin with a blank.
    """

    lower_prompts: bool = False
    lower_completions: bool = False
    prompt_prefix: str = ""
    separator: str = ""
    completion_prefix: str = ""
    ending: str = ""
    leading_space: bool = False

    def prompt(self, text: str) -> str:
        """A new prompt in the form of those that were learnt from."""
        formed = text.lower() if self.lower_prompts else text
        formed = formed.removeprefix(self.prompt_prefix)
        return formed if not self.separator or formed.endswith(self.separator) else formed + self.separator

    def written(self, text: str) -> str:
        """What a model wrote, without the ending and the blank that only the form asks for."""
        body = text.partition(self.ending)[0] if self.ending else text
        return body.removeprefix(" ") if self.leading_space else body
