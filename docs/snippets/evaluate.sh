finetable evaluate writer
finetable evaluate labeller --json
