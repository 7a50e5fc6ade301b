finetable train films.csv --write synopsis --given genre,title --out writer
