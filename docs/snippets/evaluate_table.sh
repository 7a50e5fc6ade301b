finetable evaluate labeller films.csv --include-seen
