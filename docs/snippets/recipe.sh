finetable train films.csv --recipe recipe.toml --out from_recipe
