finetable bench films.csv --write synopsis --given genre,title --rows 8 --show 1 \
  --contestant model:writer --contestant fewshot:writer@k=4
