finetable profile films.csv --write synopsis --given genre,title --out profile.html
