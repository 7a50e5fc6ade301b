finetable generate writer -n 20 --seed 1 --out new_films.csv
