finetable prepare films.csv --label genre --given title,synopsis --out films.jsonl
