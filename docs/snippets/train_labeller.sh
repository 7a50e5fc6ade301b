finetable train films.csv --label genre --given title,synopsis --out labeller
