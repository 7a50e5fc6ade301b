"""TensorBoard files of a run; needs the extra `tensorboard`."""

from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from finetable.training.trainer import Step


class TensorboardLog:
    """Writes the figures of each step where TensorBoard finds them."""

    def __init__(self, folder: Path) -> None:
        self._writer = SummaryWriter(str(folder))

    def step(self, step: Step) -> None:
        """Keep what a step did."""
        figures = {
            "loss/training_nats": step.loss_nats,
            "loss/validation_nats": step.validation_nats,
            "optimizer/learning_rate": step.learning_rate,
            "optimizer/gradient_norm": step.gradient_norm,
            "speed/tokens_per_second": step.tokens / step.seconds,
        }
        for name, value in figures.items():
            if value is not None:
                self._writer.add_scalar(name, value, step.number)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()
