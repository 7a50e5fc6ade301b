finetable bench films.csv --label genre --given title,synopsis \
  --contestant majority --contestant tfidf --contestant model:labeller --out bench.html
