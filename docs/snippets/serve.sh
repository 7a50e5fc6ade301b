finetable serve writer labeller --port 8017
