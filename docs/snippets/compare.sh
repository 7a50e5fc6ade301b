finetable compare labeller from_recipe --out compare.html
