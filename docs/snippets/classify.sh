finetable classify labeller films_unlabelled.csv --abstain-below 0.3 --out labelled.csv
