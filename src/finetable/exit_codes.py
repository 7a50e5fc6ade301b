"""What the command line ends with: done, a fault that the person can mend, wrong usage, interrupted."""

DONE, MENDABLE, USAGE, INTERRUPTED = 0, 1, 2, 130
