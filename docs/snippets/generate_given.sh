finetable generate writer -n 3 --given genre=horror --prefix "When a young" --include-prefix
