here="--base-url http://127.0.0.1:8017/v1"
job=$(finetable jobs create films_train.jsonl --validation films_valid.jsonl --n-epochs 3 $here | cut -d " " -f 1)
finetable jobs watch $job $here --out losses.csv
finetable jobs use $job films_unlabelled.csv $here --out films_labelled.csv
