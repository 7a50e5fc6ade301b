finetable bench films.csv --label genre --given title,synopsis --rows 1 --show 1 \
  --contestant "fewshot:writer@k=30,labels=no,url=http://127.0.0.1:8017/v1"
